// Starts the built gateway with the shipped gateway.yaml on free ports, asks it what a newcomer would, stops it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'hearthgate-smoke-'))
const file = join(folder, 'gateway.yaml')
const yaml = readFileSync(join(root, 'gateway.yaml'), 'utf8')
writeFileSync(file, yaml.replaceAll(/port: (8080|9900)/g, 'port: 0'))

const child = spawn(process.execPath, [join(root, 'dist/gateway/main.js'), 'start', '--config', file], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const deadline = setTimeout(() => child.kill('SIGKILL'), 30_000)

try {
  let out = ''
  for await (const chunk of child.stdout) {
    out += chunk
    if (out.includes('\n')) break
  }
  const { listen, admin } = JSON.parse(out)
  await expect(`${listen[0]}/`, 200, text => text.includes('Hearthgate'))
  await expect(`${listen[0]}/api/json`, 200, text => JSON.parse(text) !== null)
  await expect(`${admin}/healthz`, 200, text => JSON.parse(text).status === 'ok')
  await expect(`${admin}/api/stats`, 200, text => JSON.parse(text).generation === 1)
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the gateway ended with ${code} after SIGTERM`)
  console.log('smoke: the shipped configuration serves, its admin answers, it drains with 0')
} finally {
  clearTimeout(deadline)
  child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

async function expect(url, status, holds) {
  const response = await fetch(url)
  const text = await response.text()
  if (response.status !== status || !holds(text)) throw new Error(`${url}: ${response.status} ${text.slice(0, 200)}`)
  console.log(`smoke: ${url} ${response.status} ${text.length} bytes`)
}
