import t from 'tap'
import { type TextRuleName, textRules } from '../../../gateway/config/text-rules.ts'

const FOLDER = '/etc/hearthgate'
const read = (rule: TextRuleName, text: string) => textRules[rule](text, FOLDER)

const good: [TextRuleName, string, string][] = [
  ['matchHost', '*', '*'],
  ['matchHost', 'Wiki.Home.Arpa.', 'wiki.home.arpa'],
  ['matchHost', '*.Home.arpa', '*.home.arpa'],
  ['matchHost', 'bücher.example', 'xn--bcher-kva.example'],
  ['matchHost', '192.168.1.2', '192.168.1.2'],
  ['matchHost', '::1', '[::1]'],
  ['matchHost', '[FD00::1]', '[fd00::1]'],
  ['matchHost', 'my_app', 'my_app'],
  ['pathPrefix', '/', '/'],
  ['pathPrefix', '/app/', '/app'],
  ['pathPrefix', '//', '/'],
  ['pathPrefix', '/a%2Fb', '/a%2Fb'],
  ['pathPrefix', '/a..b/...', '/a..b/...'],
  ['origin', 'http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
  ['origin', 'HTTP://Wiki.Local:80/', 'http://wiki.local'],
  ['origin', 'https://[::1]:8443', 'https://[::1]:8443'],
  ['origin', 'h2c://grpc:50051', 'h2c://grpc:50051'],
  ['origin', 'unix:/run/app.sock', 'unix:/run/app.sock'],
  ['origin', 'unix:///run/app.sock', 'unix:/run/app.sock'],
  ['origin', 'unix:run/app.sock', 'unix:/etc/hearthgate/run/app.sock'],
  ['origin', 'builtin:demo', 'builtin:demo'],
  ['network', '10.0.0.0/8', '10.0.0.0/8'],
  ['network', 'FD00::/8', 'fd00::/8'],
  ['network', '192.168.1.2', '192.168.1.2'],
  ['bindHost', '[::]', '::'],
  ['bindHost', 'LOCALHOST', 'localhost'],
  ['hostRule', 'preserve', 'preserve'],
  ['hostRule', 'app.local:3000', 'app.local:3000'],
  ['pin', `AA:${'bb:'.repeat(30)}cc`, `aa${'bb'.repeat(30)}cc`],
  ['store', 'memory', 'memory'],
  ['store', 'disk:./cache', 'disk:/etc/hearthgate/cache'],
  ['store', 'rediss://host:6379/6', 'rediss://host:6379/6'],
  ['file', 'certs/a.pem', '/etc/hearthgate/certs/a.pem'],
  ['file', '/a.pem', '/a.pem'],
  ['name', 'Home Assistant', 'Home Assistant'],
  ['fieldName', 'X-Frame-Options', 'X-Frame-Options'],
  ['requestPath', '/healthz?full=1', '/healthz?full=1'],
]

t.test('sound texts are normalised', async t => {
  for (const [rule, text, value] of good) t.strictSame(read(rule, text), { ok: true, value }, `${rule} ${text}`)
})

const bad: [TextRuleName, string, RegExp][] = [
  ['matchHost', 'wiki.home.arpa:80', /ports belong in "listen": write "wiki.home.arpa"/],
  ['matchHost', '*.home.arpa:80', /write "\*\.home\.arpa"/],
  ['matchHost', 'http://Wiki.home.arpa/x', /without a scheme.*write "wiki.home.arpa"/],
  ['matchHost', 'wiki.home.arpa/x', /belongs in "path"/],
  ['matchHost', 'w*.home.arpa', /"\*" stands alone/],
  ['matchHost', '*.*.arpa', /"\*" stands alone/],
  ['matchHost', '', /expected a host name/],
  ['matchHost', 'a..b', /expected a host name/],
  ['matchHost', '-a', /expected a host name/],
  ['matchHost', 'a b', /expected a host name/],
  ['hostName', '*', /without "\*"/],
  ['pathPrefix', 'app', /begins with "\/": write "\/app"/],
  ['pathPrefix', '/app?x', /without "\?"/],
  ['pathPrefix', '/app#x', /without "\?"/],
  ['pathPrefix', '/app/*', /prefix by itself: write "\/app"/],
  ['pathPrefix', '/a/../b', /"\.\."/],
  ['pathPrefix', '/a/%2E./b', /"\.\."/],
  ['pathPrefix', '/.', /"\."/],
  ['pathPrefix', '/a b', /as it stands in a request: "\/a%20b"/],
  ['origin', '127.0.0.1:3000', /write "http:\/\/127.0.0.1:3000"/],
  ['origin', 'localhost', /expected a URL/],
  ['origin', 'ws://a:1', /write http:\/\//],
  ['origin', 'wss://a:1', /write https:\/\//],
  ['origin', 'ftp://a', /unknown scheme "ftp"/],
  ['origin', 'http://a:3000/base', /write "http:\/\/a:3000" and "rewrite_path: \/base"/],
  ['origin', 'http://a:3000/?x=1', /only scheme, host and port/],
  ['origin', 'http://a:3000?', /only scheme, host and port/],
  ['origin', 'http://a\\b', /no URL/],
  ['origin', 'http://a:99999', /no URL/],
  ['origin', 'http://a:0', /port 0/],
  ['origin', 'http://', /no URL/],
  ['origin', 'unix:', /unix:\/path/],
  ['origin', 'builtin:nope', /builtin:demo/],
  ['network', '10.0.0.0/33', /0 to 32/],
  ['network', 'fd00::/129', /0 to 128/],
  ['network', 'home.arpa', /address or a CIDR/],
  ['network', '10.0.0.0/8/8', /address or a CIDR/],
  ['network', '10.0.0.0/', /0 to 32/],
  ['network', 'fe80::1%eth0', /address or a CIDR/],
  ['bindHost', '*', /0\.0\.0\.0/],
  ['bindHost', '127.0.0.1:80', /port has a key of its own/],
  ['fieldName', 'Content-Length', /belongs to the connection/],
  ['fieldName', 'Host', /headers\.host/],
  ['fieldName', 'X Y', /no name of a header field/],
  ['fieldValue', 'a\r\nX: y', /one line/],
  ['hostRule', 'a b', /preserve, upstream/],
  ['pin', 'abc', /64 hex digits/],
  ['secret', 'a b', /without spaces/],
  ['store', 'disk:', /disk:FOLDER/],
  ['store', 'postgres://x', /memory/],
  ['redisUrl', 'http://x', /redis:\/\//],
  ['file', '', /a path/],
  ['name', '#3', /a name/],
  ['name', '', /a name/],
  ['name', 'a\u001b[31m', /a name/],
  ['requestPath', 'healthz', /begins with/],
]

t.test('unsound texts are told what to write', async t => {
  for (const [rule, text, problem] of bad) t.match(read(rule, text), { ok: false, problem }, `${rule} ${text}`)
})

t.test('credentials of an upstream are refused without being repeated', async t => {
  const reading = read('origin', 'http://admin:hunter2@nas:5000')
  t.match(reading, { ok: false, problem: /write "http:\/\/nas:5000"/ })
  t.notMatch(JSON.stringify(reading), /hunter2/)
})
