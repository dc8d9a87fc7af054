// Self-signed certificates for the drill of the doctor, also one whose time is over, which needs openssl's own authority.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

const AUTHORITY = `[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = names
copy_extensions = copy
[names]
commonName = supplied
`

/** One for all good names, which is the first, and one that has ended. */
export function makeCertificates(
  folder: string,
  { good, expired }: { good: readonly string[]; expired?: string },
): CertificateFiles[] {
  const year = new Date().getUTCFullYear()
  const lasting = make(folder, good, [`${year - 1}0101000000Z`, `${year + 2}0101000000Z`])
  return expired === undefined ? [lasting] : [lasting, make(folder, [expired], ['20200101000000Z', '20200201000000Z'])]
}

function make(parent: string, names: readonly string[], [from, to]: readonly [string, string]): CertificateFiles {
  const folder = mkdtempSync(join(parent, 'certificate-'))
  writeFileSync(join(folder, 'ca.cnf'), AUTHORITY)
  writeFileSync(join(folder, 'index.txt'), '')
  writeFileSync(join(folder, 'serial'), '01\n')
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names.map(name => `DNS:${name}`).join(',')}`]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(folder, ['req', '-new', ...kind, '-keyout', 'key.pem', '-out', 'request.pem', ...subject])
  const time = ['-startdate', from, '-enddate', to]
  const own = ['ca', '-batch', '-config', 'ca.cnf', '-selfsign', '-keyfile', 'key.pem', '-notext']
  openssl(folder, [...own, '-in', 'request.pem', '-out', 'cert.pem', ...time])
  return { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
}

function openssl(folder: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8', timeout: 20_000 })
  if (status !== 0) throw new Error(`openssl could not make a certificate: ${stderr}`)
}
