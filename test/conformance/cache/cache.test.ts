/** The published cache cases against the gateway as a process with its memory store; `run.ts` also runs the others. */
import t from 'tap'
import { openGatewayCache } from './caches.ts'
import { knownMisses } from './misses.ts'
import { openOrigin } from './origin.ts'
import { allCases } from './registry.ts'
import { countOf } from './report.ts'
import { runCases } from './runner.ts'
import { isMiss, isSurprise, score } from './scoring.ts'

t.test('the cache cases hold, but for the misses that are explained', async t => {
  const origin = await openOrigin()
  t.teardown(() => origin.close())
  const { port } = await openGatewayCache(t, origin.port, 'memory')
  const results = score(await runCases(allCases, port), knownMisses)
  for (const result of results.filter(result => isMiss(result) || isSurprise(result))) {
    const title = `${result.one.id}: ${result.one.name}`
    if (!isSurprise(result)) t.fail(title, { todo: result.known ?? true, diagnostic: false })
    else t.fail(title, { got: isMiss(result) ? `${result.outcome}: ${result.note}` : 'passes, but is a known miss' })
  }
  t.ok(countOf(results, 'required').good >= 95, 'at least 95 required cases pass')
  t.ok(countOf(results, 'optimal').good >= 52, 'at least 52 optimal cases pass')
})
