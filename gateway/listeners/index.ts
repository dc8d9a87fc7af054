/** The client's side of the gateway: opens the listeners, keeps their limits, reloads and drains them. */
import type { GlobalLimits } from '../config/types.ts'
import { ListenerSet } from './listener-set.ts'
import type { ListenerHandlers, Listeners, SocketConfig } from './types.ts'

export { addressKey, isLoopback } from './address-key.ts'
export { listenError, TlsError } from './errors.ts'
export { awaitsContinue, expectsContinue } from './intake.ts'
export { armLinger, type LingerOptions, lingerThenClose } from './lingering-close.ts'
export type {
  CertificateFiles,
  CertificateValidity,
  ClientErrorKind,
  ListenerAddress,
  ListenerHandlers,
  ListenerLog,
  Listeners,
  SocketConfig,
} from './types.ts'

/** All or nothing: throws `HG_LISTEN` or `HG_TLS` with no listener left open. */
export async function openListeners(
  listeners: readonly SocketConfig[],
  limits: GlobalLimits,
  handlers: ListenerHandlers,
): Promise<Listeners> {
  const set = new ListenerSet(limits, handlers)
  try {
    await set.update(listeners, limits)
  } catch (error) {
    await set.close(0)
    throw error
  }
  return set
}
