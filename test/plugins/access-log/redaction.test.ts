import t from 'tap'
import { compileRedaction, redactUrl } from '../../../plugins/access-log/index.ts'

const redaction = compileRedaction(['authSig', '/api/webhook/', '/s/'])

const cases: [url: string, shown: string][] = [
  ['/api/camera?authSig=abc&x=1', '/api/camera?authSig=***&x=1'],
  ['/api/camera?AUTH_SIG=abc', '/api/camera?AUTH_SIG=***'],
  ['/api/camera?next=%2Fx%3FauthSig%3Dabc', '/api/camera?next=***'],
  ['/api/webhook/abc', '/api/webhook/***'],
  ['/api/webhook/abc/more?x=1', '/api/webhook/***/more?x=1'],
  ['/home/API/%77ebhook//abc', '/home/API/%77ebhook//***'],
  ['https://home.arpa/s/abc', 'https://home.arpa/s/***'],
  ['/api/webhook/', '/api/webhook/'],
  ['/x?from=/api/webhook/abc&y=1', '/x?from=/api/webhook/***&y=1'],
  ['/api/webhookabc', '/api/webhookabc'],
  ['/s/abc?token=1', '/s/***?token=***'],
]

for (const [url, shown] of cases) {
  t.test(`${url} is shown as ${shown}`, async t => {
    t.equal(redactUrl(url, redaction), shown)
  })
}

t.test('without secrets of its own an app has none but the known ones', async t => {
  t.equal(compileRedaction([]), null)
  t.equal(redactUrl('/api/webhook/abc?authSig=1&token=2', null), '/api/webhook/abc?authSig=1&token=***')
})
