/** Which app it is, and whether the route has the preset for it. Pure. */
import type { RouteFacts } from '../facts.ts'
import { fail, hint, onRoute, pass, skip, type Verdict } from '../findings.ts'

export function judgeApp({ known, route }: RouteFacts): Verdict {
  if (known === null) return skip('nothing shows which app it is')
  const { preset, title, by, isCertain } = known
  if (preset === null || preset === route.preset) return pass(`${title}: ${by}`)
  const line = onRoute(route, `preset: ${preset}`)
  if (route.preset !== null && isCertain)
    return fail(`it is ${title} (${by}), and the route has the preset ${route.preset}`, line)
  return hint(`${isCertain ? 'it is' : 'it may be'} ${title} (${by}), which has a preset`, line)
}
