/** Explanations from the text of a configuration file. */
import { parseConfig } from '../../../gateway/config/load.ts'
import { type Explanation, explainRequest } from '../../../gateway/explain/index.ts'
import { compileServing, type Serving } from '../../../gateway/serving.ts'

/** @throws with every problem where the text is no sound configuration */
export function servingOf(text: string, partial = false): Serving {
  const loaded = parseConfig(text, 'test.yaml', { env: {}, partial })
  if (!loaded.ok) throw new Error(loaded.problems.map(problem => problem.message).join('\n'))
  return compileServing(loaded.config, {})
}

/** Request in short: headers as `Name: value`. */
export interface Ask {
  readonly method?: string
  readonly headers?: readonly string[]
  readonly peer?: string
}

export function ask(serving: Serving, url: string, { method = 'GET', headers = [], peer }: Ask = {}): Explanation {
  const fields = headers.map(text => {
    const colon = text.indexOf(':')
    return [text.slice(0, colon), text.slice(colon + 1).trim()] as const
  })
  return explainRequest(serving, { method, url, headers: fields, ...(peer === undefined ? {} : { peer }) })
}
