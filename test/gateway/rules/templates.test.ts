import t from 'tap'
import { fillTemplates, hasTemplates } from '../../../gateway/rules/templates.ts'

const client = {
  peer: '::1',
  address: '10.0.0.7',
  proto: 'https',
  host: 'a.test:8443',
  port: 8443,
  isPeerTrusted: false,
} as const

t.test('places are filled with what the client used', async t => {
  const rules = { set: { A: '{proto}://{host}{prefix}', B: '{address}', C: 'plain' }, remove: ['D'] }
  t.strictSame(fillTemplates(rules, client, '/sub'), {
    set: { A: 'https://a.test:8443/sub', B: '10.0.0.7', C: 'plain' },
    remove: ['D'],
  })
})

t.test('an empty value sends no field, also none of the client', async t => {
  t.strictSame(fillTemplates({ set: { 'X-Script-Name': '{prefix}' }, remove: [] }, client, null), {
    set: {},
    remove: ['X-Script-Name'],
  })
})

t.test('other braces are text', async t => {
  t.notOk(hasTemplates({ set: { A: '{name}', B: '{}' }, remove: [] }))
  t.ok(hasTemplates({ set: { A: 'x{proto}' }, remove: [] }))
  t.strictSame(fillTemplates({ set: { A: '{name}' }, remove: [] }, client, null).set, { A: '{name}' })
})
