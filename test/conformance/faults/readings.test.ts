/** The oracle of the deny and mount cases is itself tested, since a case passes by what it does not find. */
import t from 'tap'
import { headFaults, trailerFaults } from './head-faults.ts'
import { mayReach, staysBelow } from './readings.ts'
import { StrictReader } from './strict-reader.ts'

t.test('a target that some server resolves to the folder is found', async t => {
  const reaching = ['/secret', '/%73ecret/x', '/a/../secret', '/a%2f%2e%2e%2fsecret/x', '/a\\..\\secret', '//secret/x']
  for (const target of [...reaching, '/pub#/../secret/x', 'http://app.test/secret/x', '/secret/x?y=/../pub'])
    t.ok(mayReach(target, '/secret'), target)
  for (const target of ['/secrets', '/pub/%252e%252e/secret2/x', '/x?y=/secret', '/'])
    t.notOk(mayReach(target, '/secret'), target)
})

t.test('a target that leaves the mount in some reading is found', async t => {
  for (const target of ['/base/x', '/base', '/base//127.0.0.1:1/x']) t.ok(staysBelow(target, '/base'), target)
  for (const target of ['/base/../x', '/base/..%2fx', '/base/..\\x', '/base/..%5cx', '/basement'])
    t.notOk(staysBelow(target, '/base'), target)
})

t.test('the strict reader names what is ambiguous in a head', async t => {
  const good = 'GET /x HTTP/1.1\r\nHost: a'
  t.strictSame(headFaults(good), [])
  const bad = [
    'GET /x HTTP/1.1',
    `${good}\r\nHost: b`,
    `${good}\r\nContent-Length: 5\r\nContent-Length: 5`,
    `${good}\r\nContent-Length: +5`,
    `${good}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked`,
    `${good}\r\nTransfer-Encoding: chunked, identity`,
    `${good}\r\nTransfer-Encoding\t: chunked`,
    `${good}\r\nX: a\nY: b`,
    `${good}\r\nX: a\rY: b`,
    `${good}\r\n folded`,
    'GET /a b HTTP/1.1\r\nHost: a',
  ]
  for (const head of bad) t.not(headFaults(head).length, 0, JSON.stringify(head))
  t.not(trailerFaults(['Content-Length: 1']).length, 0)
})

t.test('the strict reader names what is ambiguous in chunks, and finds a hidden request', async t => {
  const read = (body: string) => {
    const faults: string[] = []
    const targets: string[] = []
    const on = {
      head: (message: { target: string }) => targets.push(message.target),
      fault: (text: string) => faults.push(text),
    }
    new StrictReader(0, on as never).feed(
      Buffer.from(`POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`, 'latin1'),
    )
    return { faults: faults.length, targets }
  }
  t.match(read('5\r\nhello\r\n0\r\n\r\n'), { faults: 0, targets: ['/x'] })
  t.match(read('0\r\n\r\nGET /smug HTTP/1.1\r\nHost: a\r\n\r\n'), { targets: ['/x', '/smug'] })
  for (const body of ['+5\r\nhello\r\n', '2;\nxx\r\n', '5\r\nhelloXX', '0_5\r\nhello\r\n', '10000000000000005\r\n'])
    t.not(read(body).faults, 0, JSON.stringify(body))
})
