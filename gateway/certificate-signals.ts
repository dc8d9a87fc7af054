/**
 * When the certificates of the listeners run out, as a signal: what renews them may fail for weeks before anybody sees it.
 */
import type { Signals } from '../plugins/contract/index.ts'
import type { CertificateValidity } from './listeners/index.ts'

/** Brings the signal up to date; names are those of the configured certificates, and one that is gone is not told again. */
export function certificateSignals(signals: Signals): (all: readonly CertificateValidity[]) => void {
  const expiry = signals.gauge(
    'certificate_expiry_timestamp_seconds',
    'End of the validity of a certificate in use, in seconds since 1970; of several of one name the first to end.',
    'certificate',
  )
  return all => {
    const byName = Map.groupBy(all, ({ name }) => name)
    for (const { labels } of [...expiry.series()]) if (!byName.has(labels[0] ?? '')) expiry.drop(...labels)
    for (const [name, same] of byName)
      expiry.with(name).set(Math.min(...same.map(({ notAfterMs }) => notAfterMs)) / 1000)
  }
}
