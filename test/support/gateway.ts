/**
 * A whole gateway from YAML text, in this process, on free ports of loopback.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGateway, type RunningGateway } from '../../gateway/lifecycle.ts'
import { openLog } from '../../gateway/log-target.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface TestGateway {
  readonly gateway: RunningGateway
  readonly file: string
  readonly folder: string
  /** Ports of the listeners in the order of the file. */
  readonly ports: number[]
  readonly port: number
  readonly adminUrl: string
  /** Replaces the configuration and reloads; the answer of `reload`. */
  rewrite(yaml: string): Promise<boolean>
  admin(path: string): Promise<unknown>
}

/** What every test configuration needs; tests add their routes. */
export const base = `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
`

export async function startGateway(t: Teardown, yaml: string): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, yaml)
  const gateway = await openGateway({ file, partial: false, log: openLog('silent') })
  t.teardown(async () => {
    await gateway.close(500)
    rmSync(folder, { recursive: true, force: true })
  })
  const ports = gateway.listen.map(url => Number(new URL(url).port))
  return {
    gateway,
    file,
    folder,
    ports,
    port: ports[0] as number,
    adminUrl: gateway.admin,
    rewrite: text => {
      writeFileSync(file, text)
      return gateway.reload()
    },
    admin: async path => (await fetch(gateway.admin + path)).json(),
  }
}
