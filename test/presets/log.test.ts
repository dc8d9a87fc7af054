/** The secrets of every app stay out of the access log of a gateway that runs as a process of its own. */
import t from 'tap'
import { findPreset, presetNames } from '../../gateway/config/presets.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

t.test('no secret of an app is in a log line, in the address or in the referrer', async t => {
  const origin = await rawOrigin((_request, socket) => socket.write(answer(200, {}, 'fine')))
  t.teardown(() => origin.close())
  const lines = presetNames().flatMap(name => {
    const hidden = (findPreset(name)?.contract ?? []).filter(({ promise }) => promise === 'hides')
    return hidden.map(({ path = '' }) => ({ name, path }))
  })
  const routes = presetNames().map(
    name => `  - { name: ${name}, match: { host: ${name}.test }, upstream: "${origin.url}", preset: ${name} }`,
  )
  const gateway = await gatewayProcess(
    t,
    `listen: { host: 127.0.0.1, port: 0 }\nadmin: { host: 127.0.0.1, port: 0 }\nlog: { access: combined }\nroutes:\n${routes.join('\n')}\n`,
  )
  for (const { name, path } of lines) {
    const referer = `http://${name}.test${path}`
    await exchange(gateway.port, `GET ${path} HTTP/1.1\r\nHost: ${name}.test\r\nReferer: ${referer}\r\n\r\n`)
  }
  const exited = new Promise(resolve => gateway.child.once('exit', resolve))
  gateway.child.kill('SIGTERM')
  await exited
  const log = gateway.log()
  t.ok(lines.length > 10)
  t.equal(log.split('\n').filter(line => line.includes(' HTTP/1.1" 200 ')).length, lines.length)
  t.notMatch(log, /SECRET/)
})
