/**
 * Which bodies are encoded whole and at once on the thread of the gateway: for the others the thread pool costs less than the
 * wait (bench).
 */

/** Bodies up to here are, at whatever level. */
const SHORT_BYTES = 128 * 1024
/** Longer ones only where the encoder needs so little that nobody notices, as zstd 3 does. */
const UNNOTICED_MS = 1.2
/** And no body longer than this: all of it is held until its end has come. */
export const MAX_AT_ONCE_BYTES = 512 * 1024

/** @param msPerKiB what the level is expected to take */
export function isEncodedAtOnce(bytes: number, msPerKiB: number): boolean {
  if (bytes <= SHORT_BYTES) return true
  return bytes <= MAX_AT_ONCE_BYTES && (bytes / 1024) * msPerKiB <= UNNOTICED_MS
}
