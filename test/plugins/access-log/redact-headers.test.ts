import t from 'tap'
import { redactField, redactHeaders } from '../../../plugins/access-log/index.ts'

t.test('the values of secret fields are hidden whatever the case of the name', async t => {
  const secret = [
    'Authorization',
    'Proxy-Authorization',
    'Cookie',
    'Set-Cookie',
    'X-Api-Key',
    'X-Emby-Token',
    'X-Emby-Authorization',
    'X-Plex-Token',
    'X-MediaBrowser-Token',
    'X-Forwarded-Access-Token',
    'X-Transmission-Session-Id',
    'X-Vault-Token',
    'X-Auth',
  ]
  for (const name of secret) {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      t.equal(redactField(spelled, 'Bearer hunter2'), '***', spelled)
    }
  }
})

t.test('other fields stay, and URLs in them lose their secrets', async t => {
  const cases: [string, string, string][] = [
    ['Host', 'nas.home.arpa', 'nas.home.arpa'],
    ['Accept', '*/*;q=0.5', '*/*;q=0.5'],
    ['WWW-Authenticate', 'Basic realm="nas"', 'Basic realm="nas"'],
    ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ['Referer', 'https://nas/?token=abc&x=1', 'https://nas/?token=***&x=1'],
    ['Location', '/b?code=abc', '/b?code=***'],
    ['Destination', 'https://joe:pw@nas/dav/x', 'https://***@nas/dav/x'],
  ]
  for (const [name, value, expected] of cases) t.equal(redactField(name, value), expected, name)
})

t.test('a subprotocol that is a token is hidden, the name of one is shown', async t => {
  const cases: [string, string][] = [
    ['graphql-transport-ws', 'graphql-transport-ws'],
    ['mqtt, mqttv3.1', 'mqtt, mqttv3.1'],
    ['v4.channel.k8s.io', 'v4.channel.k8s.io'],
    ['ocpp1.6,v12.stomp', 'ocpp1.6, v12.stomp'],
    ['bearer, abcdef', 'bearer, ***'],
    ['access_token, abcdef, chat', 'access_token, ***, ***'],
    ['chat, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'chat, ***'],
    ['550e8400-e29b-41d4-a716-446655440000', '***'],
    ['a1b2c3d4e5f6', '***'],
    ['base64url.bearer.authorization.k8s.io.QmVhcmVyVG9rZW4', '***'],
  ]
  for (const [value, expected] of cases) t.equal(redactField('Sec-WebSocket-Protocol', value), expected, value)
})

t.test('whole heads are taken as Node has them, by name or flat', async t => {
  const headers = { host: 'nas', cookie: 'a=1', 'set-cookie': ['a=1', 'b=2'], 'content-length': 3, te: undefined }
  t.strictSame(redactHeaders(headers), {
    host: 'nas',
    cookie: '***',
    'set-cookie': ['***', '***'],
    'content-length': '3',
  })
  t.strictSame(redactHeaders(['Host', 'nas', 'X-Api-Key', 'abc', 'Cookie', 'cookie']), [
    'Host',
    'nas',
    'X-Api-Key',
    '***',
    'Cookie',
    '***',
  ])
})
