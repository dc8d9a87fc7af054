/** Certificates and clocks: what is right today and may be wrong tomorrow. Pure. */
import { isIP } from 'node:net'
import { runsOutSoon } from '../../certificates/renewal.ts'
import type { Issuers, RouteFacts } from '../facts.ts'
import { fail, inApp, onRoute, pass, type Remedy, skip, type Verdict, warn } from '../findings.ts'
import type { CertificateFacts } from '../probes/certificate.ts'
import { type Answer, field, gatewayCode, isAnswer } from '../seen.ts'

/** A login by a code of 30 s fails beyond this. */
const SKEW_WARN_MS = 30_000
/** Signed addresses and tokens are valid for some minutes. */
const SKEW_FAIL_MS = 300_000

type Shown = Extract<CertificateFacts, { kind: 'shown' }>

/** What stands in where none has been got yet. */
const PLACEHOLDER = 'DNS:hearthgate.invalid'

/** One that is good for the name, in the place of the one that is shown. */
function renew(name: string, { acme, localCa }: Issuers): Remedy {
  const listen = (line: string): Remedy => ({ where: 'route', file: 'listen', line })
  if (acme) return inApp('a terminal', 'hearthgate check')
  if (localCa) return listen(`tls: { local_ca: true, hosts: [${name}] }`)
  return listen(`tls: { cert: ${name}.pem, key: ${name}.key }`)
}

export function judgeCertificate(facts: RouteFacts): Verdict {
  const origin = originFault(facts)
  if (origin?.status === 'fail') return origin
  const { certificates, issuers, nowMs } = facts
  if (certificates.length === 0) return origin ?? skip('the gateway listens without TLS')
  const verdicts = certificates.map(one => ownVerdict(one, issuers, nowMs))
  const worst = (['fail', 'warn'] as const).flatMap(status => verdicts.find(one => one.status === status) ?? [])[0]
  return worst ?? (verdicts[0] as Verdict)
}

function ownVerdict(facts: CertificateFacts, issuers: Issuers, nowMs: number): Verdict {
  const renewed = renew(facts.name, issuers)
  const log = issuers.acme ? '; the log of the gateway says why none was issued ("certificate not issued")' : ''
  if (facts.kind === 'none') return fail(`${facts.name}: no certificate is shown (${facts.code})`, renewed)
  const { name, names, validFromMs, validToMs, isSelfSigned } = facts
  if (names === PLACEHOLDER) return fail(`there is no certificate for ${name} yet${log}`, renewed)
  const time = timeFault(facts, nowMs)
  if (time !== null) return fail(`the certificate for ${name} ${time}${log}`, renewed)
  if (!facts.coversName && isIP(name) === 0)
    return fail(`the certificate is for ${names}, not for ${name}${barredStar(names, name)}`, renewed)
  if (runsOutSoon({ notBeforeMs: validFromMs, notAfterMs: validToMs }, nowMs))
    return warn(`the certificate for ${name} ends on ${day(validToMs)}${log}`, renewed)
  const own = isSelfSigned ? '; it is signed by itself, so each device has to be told to trust it' : ''
  return pass(`the certificate for ${name} is good until ${day(validToMs)}${own}`)
}

/** Browsers and TLS libraries believe no star for all names of a kind: neither `*.com` nor `*.localhost`. */
function barredStar(names: string, name: string): string {
  const [, parent = ''] = /^[^.]+\.([^.]+)$/.exec(name) ?? []
  const isMeant = parent !== '' && names.split(', ').includes(`DNS:*.${parent}`)
  return isMeant ? `; no browser takes *.${parent} for it, so each name has to stand there` : ''
}

/** What the gateway does not believe of an https origin. */
function originFault({ originCertificate: seen, route, nowMs, known, through }: RouteFacts): Verdict | null {
  if (seen === null) return null
  // The gateway may know an authority from a file that is not for everybody: what it does counts.
  const said = gatewayCode(through?.hops[0]?.answer ?? through?.last ?? null)
  if (through !== null && said !== 'HG_UPSTREAM_CERTIFICATE')
    return pass('the gateway takes the certificate of the app')
  const { verify, pin } = route.tls
  const app = known?.title ?? 'the app'
  if (seen.kind === 'none') return null
  if (pin !== null && pin.replaceAll(':', '').toLowerCase() !== seen.pin)
    return fail(`${app} shows another certificate than the pinned one`, onRoute(route, `tls: { pin: '${seen.pin}' }`))
  if (pin !== null || !verify)
    return pass(`the certificate of ${app} is ${pin === null ? 'not checked' : 'the pinned one'}`)
  const time = timeFault(seen, nowMs)
  if (time !== null)
    return fail(`the certificate of ${app} ${time}`, inApp('its certificate', `a new one for ${seen.name}`))
  if (seen.distrust === null && seen.coversName) return pass(`the certificate of ${app} is believed`)
  // Another name would not help where nobody known has signed it.
  const isOnlyName = seen.distrust === null || seen.distrust === 'ERR_TLS_CERT_ALTNAME_INVALID'
  const name = /DNS:([\w.-]+)/.exec(seen.names)?.[1]
  if (isOnlyName && name !== undefined)
    return fail(
      `the certificate of ${app} is for ${seen.names}, not for ${seen.name}`,
      onRoute(route, `tls: { server_name: ${name} }`),
    )
  return fail(
    `no authority that is known signed the certificate of ${app} (${seen.distrust})`,
    onRoute(route, `tls: { pin: '${seen.pin}' }`),
  )
}

function timeFault({ validFromMs, validToMs }: Shown, nowMs: number): string | null {
  if (validToMs < nowMs) return `ended on ${day(validToMs)}`
  return validFromMs > nowMs ? `begins only on ${day(validFromMs)}: is this machine's clock right?` : null
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export function judgeClock({ around, origins }: RouteFacts): Verdict {
  const seen = [around?.alone, ...origins.map(one => one.seen)].filter(one => isAnswer(one ?? null)) as Answer[]
  const dated = seen.find(answer => field(answer, 'date') !== null)
  if (dated === undefined) return skip('the app does not tell its time')
  const skewMs = Date.parse(field(dated, 'date') ?? '') - dated.atMs
  if (Number.isNaN(skewMs)) return skip('the app tells its time in no form that is known')
  const off = Math.abs(skewMs)
  if (off < SKEW_WARN_MS)
    return pass(`the app's clock is within ${Math.max(1, Math.ceil(off / 1000))} s of this machine's`)
  const reason = `the app's clock is ${Math.round(off / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`
  const remedy = inApp("the app's machine", 'timedatectl set-ntp true')
  return off < SKEW_FAIL_MS ? warn(reason, remedy) : fail(`${reason}: codes and signed addresses are refused`, remedy)
}
