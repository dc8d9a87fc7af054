/**
 * Whether the Host of a request is the admin listener's own: a foreign page can point its name at this machine (DNS
 * rebinding), and is told by the name that its visitor's browser asks for. Pure.
 */
import { plainAddress } from '../../plugins/proxy/index.ts'
import { inBrackets, isAnyAddress, isLoopback } from '../config/local-address.ts'
import type { AdminConfig } from '../config/types.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/**
 * @param host as the client wrote it
 * @param reachedAt address of the listener's end of the connection
 */
export function isKnownHost(host: string, config: AdminConfig, port: number, reachedAt: string | undefined): boolean {
  // In small letters: names are the same in any (RFC 9110 §4.2.3).
  const written = host.toLowerCase()
  const withPort = `:${port}`
  const name = written.endsWith(withPort) ? written.slice(0, -withPort.length) : written
  // On every address the listener has each as its name; nobody can point an address at another machine.
  const addresses = isAnyAddress(config.host) ? [config.host, plainAddress(reachedAt)] : [config.host]
  const own = addresses.map(address => inBrackets(address.toLowerCase()))
  const local = addresses.some(isLoopback) ? LOOPBACK_NAMES : []
  return [...own, ...local, config.host.toLowerCase(), ...config.hosts].includes(name)
}
