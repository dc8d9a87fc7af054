import t from 'tap'
import { isIdentityField, wayFields } from '../../../plugins/contract/index.ts'
import { hopByHop, nominatedFields, ownRequestFields } from '../../../plugins/proxy/fields.ts'

t.test('the tokens of all Connection lines are read without case', async t => {
  const cases: [string, string[], string[] | null][] = [
    ['no line', ['Accept', 'x-a'], null],
    ['close and keep-alive nominate nothing', ['Connection', 'Keep-Alive', 'connection', 'close'], null],
    ['a list', ['Connection', 'close, X-One ,x-TWO'], ['x-one', 'x-two']],
    ['two lines', ['CONNECTION', 'x-one', 'connection', 'x-two'], ['x-one', 'x-two']],
    ['empty parts', ['Connection', ', ,x-one,,'], ['x-one']],
    ['a value that looks like a Connection line', ['X-Note', 'Connection', 'Accept', 'x-one'], null],
  ]
  for (const [name, head, wanted] of cases) {
    const nominated = nominatedFields(head)
    t.strictSame(nominated === null ? null : [...nominated], wanted, name)
  }
})

t.test('identity fields are known by name and by prefix', async t => {
  const yes = ['remote-user', 'x-remote-user', 'x-webauth-user', 'x-forwarded-user', 'x-forwarded-access-token']
  const prefixed = [
    'x-authentik-username',
    'x-authelia-anything',
    'x-auth-request-email',
    'x-vouch-user',
    'x-pomerium-jwt',
  ]
  for (const name of [...yes, ...prefixed]) t.ok(isIdentityField(name), name)
  for (const name of ['authorization', 'cookie', 'x-user', 'x-auth-token', 'remote', 'x-authenticity-token']) {
    t.notOk(isIdentityField(name), name)
  }
})

t.test('every name in the sets is in the spelling in which it is looked for', async t => {
  for (const name of [...hopByHop, ...ownRequestFields, ...wayFields]) {
    t.match(name, /^[a-z0-9-]+$/)
    t.notOk(isIdentityField(name), `${name} is in one set only`)
  }
  for (const name of wayFields) t.notOk(hopByHop.has(name) || ownRequestFields.has(name), `${name} is in one set only`)
})
