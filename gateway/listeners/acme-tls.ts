/**
 * TLS-ALPN-01 (RFC 8737): a certificate authority that checks a name connects to the TLS listener and offers `acme-tls/1`
 * alone. Its handshake gets the certificate of the challenge and ends there; everybody else's goes on as if nobody had
 * looked. The first bytes have to be looked at, since OpenSSL asks for a certificate before it tells what is offered.
 */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'

export const ACME_PROTOCOL = 'acme-tls/1'

/** The hello of a check is a few hundred bytes; nothing larger is waited for. */
const MAX_HELLO_BYTES = 4_096
/** A check takes a handshake and nothing more. */
const CHECK_MS = 10_000
const [HANDSHAKE, CLIENT_HELLO, SERVER_NAME, ALPN] = [22, 1, 0, 16]

export type HelloReading =
  | { readonly kind: 'more' }
  | { readonly kind: 'other' }
  | { readonly kind: 'acme'; readonly serverName: string }

/** Reads a ClientHello (RFC 8446 §4.1.2) as far as it has come. Never throws. */
export function readHello(bytes: Buffer): HelloReading {
  if (bytes.length < 5) return bytes[0] === undefined || bytes[0] === HANDSHAKE ? { kind: 'more' } : { kind: 'other' }
  const end = 5 + bytes.readUInt16BE(3)
  if (bytes[0] !== HANDSHAKE || end > MAX_HELLO_BYTES) return { kind: 'other' }
  if (bytes.length < end) return { kind: 'more' }
  try {
    return readExtensions(bytes.subarray(5, end))
  } catch {
    // Shorter than it says it is: OpenSSL has the right words for that.
    return { kind: 'other' }
  }
}

/** @throws RangeError for a hello that is cut */
function readExtensions(hello: Buffer): HelloReading {
  if (hello[0] !== CLIENT_HELLO) return { kind: 'other' }
  let at = 4 + 2 + 32
  at += 1 + hello.readUInt8(at)
  at += 2 + hello.readUInt16BE(at)
  at += 1 + hello.readUInt8(at)
  at += 2
  let serverName = ''
  let isAcme = false
  while (at < hello.length) {
    const [type, length] = [hello.readUInt16BE(at), hello.readUInt16BE(at + 2)]
    const value = hello.subarray(at + 4, at + 4 + length)
    // §3: the one name, and the one protocol.
    if (type === SERVER_NAME) serverName = value.subarray(5, 5 + value.readUInt16BE(3)).toString('latin1')
    if (type === ALPN) isAcme = value.subarray(2).toString('latin1') === `\n${ACME_PROTOCOL}`
    at += 4 + length
  }
  return isAcme && serverName !== '' ? { kind: 'acme', serverName: serverName.toLowerCase() } : { kind: 'other' }
}

/**
 * Looks at the first bytes of a connection and puts them back. `onOther` gets it where it is no check; a check is answered
 * here, from the folder of challenge certificates.
 */
export function answerChecks(raw: Socket, folder: string, onOther: () => void): void {
  const chunks: Buffer[] = []
  const look = (): void => {
    for (let chunk = raw.read(); chunk !== null; chunk = raw.read()) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const reading = readHello(bytes)
    if (reading.kind === 'more' && !raw.readableEnded) return
    raw.off('readable', look)
    raw.off('end', look)
    // It ended in the middle of its hello, and nothing can be put back behind an end.
    if (raw.readableEnded) return void raw.destroy()
    if (bytes.length > 0) raw.unshift(bytes)
    if (reading.kind === 'acme') void answerCheck(raw, folder, reading.serverName)
    else onOther()
  }
  raw.on('readable', look)
  raw.on('end', look)
}

/** §3: the handshake is the proof; what is said after it nobody listens to. */
async function answerCheck(raw: Socket, folder: string, serverName: string): Promise<void> {
  const pem = await challengeOf(folder, serverName)
  if (pem === null) return void raw.destroy()
  const secureContext = createSecureContext({ cert: pem, key: pem, minVersion: 'TLSv1.2' })
  const socket = new TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: [ACME_PROTOCOL] })
  const timer = setTimeout(() => raw.destroy(), CHECK_MS).unref()
  raw.once('close', () => clearTimeout(timer))
  socket.on('error', () => raw.destroy())
  socket.on('data', () => {})
  socket.on('end', () => socket.end())
}

/** Null where there is no such challenge. A name is a file name only as far as host names go. */
async function challengeOf(folder: string, serverName: string): Promise<string | null> {
  if (!/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(serverName)) return null
  try {
    return await readFile(join(folder, `${serverName}.pem`), 'utf8')
  } catch {
    return null
  }
}
