/**
 * What `check` says of the certificates that a configuration names, as they lie on the disk now: those that are over, and
 * those that should have been renewed.
 */

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { GatewayConfig } from '../config/types.ts'
import { isIssued, wantedCertificates } from './names.ts'
import { runsOutSoon } from './renewal.ts'
import { validityOf } from './state-files.ts'

const DAY = 86_400_000

/** In words, one for each file. A file that cannot be read here says nothing: the gateway may be another user. */
export function certificateWarnings(config: GatewayConfig, nowMs: number): string[] {
  const files = config.listen.flatMap(({ tls }) => tls ?? []).flatMap(entry => (isIssued(entry) ? [] : [entry.cert]))
  const own = files.map(file => ({ file, remedy: 'put a new one in its place' }))
  const acme = wantedCertificates(config).acme.map(({ file }) => ({
    file,
    remedy: 'it could not be renewed; the log of the gateway says why ("certificate not issued")',
  }))
  return [...new Map([...own, ...acme].map(each => [each.file, each])).values()].flatMap(({ file, remedy }) => {
    const validity = readValidity(file)
    if (validity === null || !runsOutSoon(validity, nowMs)) return []
    const left = validity.notAfterMs - nowMs
    const when = left <= 0 ? 'is over since' : `runs out in ${Math.floor(left / DAY)} days, on`
    const day = new Date(validity.notAfterMs).toISOString().slice(0, 10)
    return [`the certificate for ${validity.names.join(', ')} ${when} ${day} (${file}): ${remedy}`]
  })
}

function readValidity(file: string) {
  try {
    return validityOf(new X509Certificate(readFileSync(file)))
  } catch {
    return null
  }
}
