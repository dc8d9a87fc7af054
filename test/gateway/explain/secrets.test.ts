import t from 'tap'
import { redactAddress, redactFields } from '../../../gateway/explain/secrets.ts'
import { ask, servingOf } from './rig.ts'

const SECRET = 'hunter2'

t.test('secrets go from addresses, all else stays byte for byte', async t => {
  const cases = [
    ['/a?token=hunter2&x=1', '/a?token=***&x=1'],
    ['/a?x=%41&ApiKey=hunter2', '/a?x=%41&ApiKey=***'],
    ['/rest/ping?u=ann&t=hunter2&s=hunter2&v=1', '/rest/ping?u=***&t=***&s=***&v=1'],
    ['/a?%74oken=hunter2', '/a?%74oken=***'],
    ['/a?%2574oken=hunter2', '/a?%2574oken=***'],
    ['/a?x=1;access_token=hunter2;hunter2', '/a?x=1;access_token=***'],
    ['/a;jsessionid=hunter2/b?c=d', '/a;jsessionid=***/b?c=d'],
    ['/a?next=%2Fb%3Ftoken%3Dhunter2&x=1', '/a?next=***&x=1'],
    ['/a?next=/b?token=hunter2', '/a?next=/b?token=***'],
    ['/a?X-Amz-Signature=hunter2', '/a?X-Amz-Signature=***'],
    ['https://ann:hunter2@x.test/a', 'https://***@x.test/a'],
    ['/a/b%2Fc?q=a+b%20c&r&=&%', '/a/b%2Fc?q=a+b%20c&r&=&%'],
    ['*', '*'],
  ]
  for (const [text = '', redacted] of cases) t.equal(redactAddress(text), redacted, text)
})

t.test('secrets go from headers, the rest of their value stays', async t => {
  const cases = [
    ['Authorization', 'Bearer hunter2', '***'],
    ['proxy-authorization', 'hunter2', '***'],
    ['Cookie', 'a=hunter2', '***'],
    ['X-Api-Key', 'hunter2', '***'],
    ['X-Emby-Authorization', 'hunter2', '***'],
    ['X-Plex-Token', 'hunter2', '***'],
    ['Referer', 'http://x.test/a?api_key=hunter2&b=1', 'http://x.test/a?api_key=***&b=1'],
    ['Sec-WebSocket-Protocol', 'chat, hunter2hunter2hunter2hunter2', 'chat, ***'],
    ['Accept', 'text/html;q=0.9,*/*;q=0.8', 'text/html;q=0.9,*/*;q=0.8'],
    ['Forwarded', 'for=1.2.3.4;host=a.test;proto=http', 'for=1.2.3.4;host=a.test;proto=http'],
  ]
  for (const [name = '', value = '', redacted] of cases) {
    t.strictSame(redactFields([{ name, value }]), [{ name, value: redacted }], name)
  }
})

t.test('no part of an explanation shows a secret', async t => {
  const serving = servingOf(`
routes:
  - name: all
    upstream: http://127.0.0.1:1
    cache: { key: { headers: [X-Api-Key, X-Auth-Token], cookies: [a] } }
    headers: { request: { set: { Authorization: ${SECRET} } }, response: { set: { Set-Cookie: a=${SECRET} } } }
  - { name: shut, match: { path: /shut }, deny: true }
`)
  const names = ['token', '%74oken', 'api_key', 'ApiKey', 'access_token', 'password', 'code', 'session', 'p', 'sig']
  const headers = [`Cookie: a=${SECRET}`, `X-Api-Key: ${SECRET}`, `Connection: X-Auth-Token`, `X-Auth-Token: ${SECRET}`]
  for (const name of names) {
    const pair = `${name}=${SECRET}`
    for (const path of [
      `/a?${pair}`,
      `/a;${pair}/b`,
      `/shut?${pair}`,
      `/../?${pair}`,
      `/a b?${pair}`,
      `/%2e/;${pair}`,
    ]) {
      const text = JSON.stringify(ask(serving, `http://x.test${path}`, { headers }))
      t.notMatch(text, SECRET, path)
      t.match(text, '***')
    }
  }
})
