/** Which credentials are meant for a connection, and how long they are remembered. */
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { holdingClient, provesConnection } from '../../../plugins/contract/index.ts'

t.test('NTLM and Negotiate are meant for a connection, in any letter case', async t => {
  for (const credentials of ['NTLM TlRM', 'ntlm TlRM', 'Negotiate YII', 'NEGOTIATE', ' NTLM x', 'NTLM\tx']) {
    t.ok(provesConnection(credentials), credentials)
  }
  for (const credentials of ['Basic TlRM', 'Bearer ntlm', 'NTLMv2 x', 'Digest username="ntlm "', '']) {
    t.notOk(provesConnection(credentials), credentials)
  }
})

t.test('a connection that has shown them is remembered', async t => {
  const socket = {}
  const asked = (authorization?: string) => ({ socket, headers: { authorization } }) as unknown as IncomingMessage
  t.equal(holdingClient(asked()), undefined)
  t.equal(holdingClient(asked('Basic eDp4')), undefined)
  t.equal(holdingClient(asked('NTLM x')), socket)
  t.equal(holdingClient(asked()), socket)
  t.equal(holdingClient({ socket: {}, headers: {} } as IncomingMessage), undefined)
})
