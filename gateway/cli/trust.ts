/**
 * `hearthgate trust`: where the certificate of the gateway's own authority is, how to tell that it is the right one, and
 * how each kind of device comes to trust it.
 */
import { resolve } from 'node:path'
import { foldersOf, readLocalCa, wantedCertificates } from '../certificates/index.ts'
import { loadConfig } from '../config/load.ts'
import { refuseConfig } from './check.ts'
import { painter } from './format.ts'
import type { CliIo } from './io.ts'

const EXIT_FAILED = 1

export interface TrustArguments {
  readonly config: string
  readonly json: boolean
}

/** What a person or a script needs to know of the authority. */
export interface TrustFacts {
  readonly file: string
  readonly name: string
  /** SHA-256, hex with colons. */
  readonly fingerprint: string
  /** ISO 8601. */
  readonly validTo: string
  /** Names that it may vouch for, with all below them; null = any. */
  readonly names: readonly string[] | null
}

/** Returns the exit code. It makes nothing: what another user made here, the gateway could not read. */
export async function runTrust({ config: given, json }: TrustArguments, io: CliIo): Promise<number> {
  const loaded = loadConfig(resolve(io.cwd, given), { env: io.env, partial: true })
  if (!loaded.ok) return refuseConfig(loaded.problems, io)
  if (wantedCertificates(loaded.config).local.length === 0) {
    io.stderr.write('hearthgate: no listener has "tls: { local_ca: true }", so there is nothing to trust\n')
    return EXIT_FAILED
  }
  try {
    const found = await readLocalCa(foldersOf(loaded.config).ca)
    if (found === null) {
      io.stderr.write('hearthgate: there is no local CA yet: start the gateway once, it makes one\n')
      return EXIT_FAILED
    }
    const { certificate, file, permitted } = found
    const facts: TrustFacts = {
      file,
      name:
        certificate.subject
          .split('\n')
          .find(part => part.startsWith('CN='))
          ?.slice(3) ?? '',
      fingerprint: certificate.fingerprint256,
      validTo: new Date(certificate.validTo).toISOString(),
      names: permitted?.dns ?? null,
    }
    io.stdout.write(json ? `${JSON.stringify(facts)}\n` : formatTrust(facts, io.color))
    return 0
  } catch (error) {
    io.stderr.write(`hearthgate: ${(error as Error).message}\n`)
    return EXIT_FAILED
  }
}

/** The text for people. */
export function formatTrust({ file, name, fingerprint, validTo, names }: TrustFacts, color: boolean): string {
  const paint = painter(color)
  const head = (text: string) => paint('bold', text)
  const path = shellWord(file)
  return `${head(name)}
  certificate   ${file}
  SHA-256       ${fingerprint}
  valid until   ${validTo.slice(0, 10)}
  vouches for   ${names === null ? 'any name' : `${names.join(', ')}, what is below them, and private addresses`}

Copy the certificate (never the key beside it) to each device, compare the SHA-256 there, and install it:

${head('Windows')}
  certutil -addstore -f Root ca.pem          in a terminal of the administrator
${head('macOS')}
  sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ca.pem
${head('iPhone, iPad')}
  Send the file to the device (AirDrop, mail), open it; Settings > Profile Downloaded > Install; then
  Settings > General > About > Certificate Trust Settings: switch it on there as well
${head('Android')}
  Settings > Security > More security settings > Encryption & credentials > Install a certificate > CA certificate
  (the words differ by maker). Browsers follow it; apps only where their makers allow it
${head('Debian, Ubuntu')}
  sudo cp ${path} /usr/local/share/ca-certificates/hearthgate.crt && sudo update-ca-certificates
${head('Fedora, RHEL')}
  sudo cp ${path} /etc/pki/ca-trust/source/anchors/hearthgate.pem && sudo update-ca-trust
${head('Arch')}
  sudo trust anchor --store ${path}
${head('Firefox, on any system')}
  Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import, "identify websites"
${head('Chrome and Chromium on Linux')}
  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Hearthgate -i ${path}     (package libnss3-tools)
`
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
