/**
 * Gets certificates by ACME as they become due: one after the other, never two at a time, and after a failure not before
 * its time. Whatever goes wrong, the old certificate stays.
 */
import { basename, join } from 'node:path'
import type { AcmeConfig, GatewayConfig } from '../config/types.ts'
import type { ListenerLog } from '../listeners/index.ts'
import { AcmeFailure, orderCertificate } from './acme-order.ts'
import { type Attempts, NO_ATTEMPT, readAttempts, writeAttempts } from './attempts.ts'
import { clearProofs } from './challenges.ts'
import { type CertificateFolders, foldersOf, type Wanted, wantedCertificates } from './names.ts'
import { decideAlarm, decideRenewal, retryDelay, type Validity } from './renewal.ts'
import { askRenewalInfo, certificateId, type RenewalInfo, suggestedTime } from './renewal-info.ts'
import { fixedChance, readStored, type StoredCertificate, writePrivateFile } from './state-files.ts'

export interface RenewerOptions {
  readonly log: ListenerLog
  /** Ms since 1970. */
  readonly now: () => number
  /** 0 to 1. */
  readonly random: () => number
}

/** One round of looking: what it goes by and what it has found out so far. */
interface Round {
  readonly config: AcmeConfig
  readonly folders: CertificateFolders
  readonly signal: AbortSignal
  attempts: Attempts
}

interface Ordering {
  readonly reason: string
  readonly replaces: string | null
}

export class AcmeRenewer {
  readonly #options: RenewerOptions
  /** When an alarm was last given, by file. */
  readonly #toldMs = new Map<string, number>()
  /** What the authority said of its certificates, by file. */
  readonly #infos = new Map<string, RenewalInfo>()
  /** What could not be written down, on a full disk: without it each look would order anew. */
  #unwritten: { readonly of: string; readonly attempts: Attempts } | null = null
  #isBusy = false
  #isFirst = true
  /** What was asked for meanwhile. */
  #next: GatewayConfig | null = null

  constructor(options: RenewerOptions) {
    this.#options = options
  }

  /** Gets what is due; where it still does, once more after that. Never rejects. */
  async look(config: GatewayConfig, signal: AbortSignal): Promise<void> {
    if (this.#isBusy) this.#next = config
    if (this.#isBusy || config.acme === null || signal.aborted) return
    this.#isBusy = true
    try {
      const folders = foldersOf(config)
      if (this.#isFirst) await clearProofs(folders)
      this.#isFirst = false
      const unwritten = this.#unwritten?.of === setUpKey(config.acme, folders) ? this.#unwritten.attempts : null
      const attempts = unwritten ?? (await readAttempts(attemptsFile(folders), config.acme))
      const round: Round = { config: config.acme, folders, signal, attempts }
      const all = wantedCertificates(config).acme
      for (const file of this.#infos.keys()) if (all.every(wanted => wanted.file !== file)) this.#infos.delete(file)
      for (const wanted of all) await this.#lookAt(wanted, round)
    } catch (error) {
      this.#options.log.error({ err: error }, 'certificates by ACME cannot be looked after')
    } finally {
      this.#isBusy = false
    }
    const next = this.#next
    this.#next = null
    // A round that only came round again has nothing new to say.
    if (next !== null && next !== config) await this.look(next, signal)
  }

  async #lookAt(wanted: Wanted, round: Round): Promise<void> {
    const { now } = this.#options
    const { file, names } = wanted
    const { failures, notBeforeMs } = round.attempts.byFile[basename(file)] ?? NO_ATTEMPT
    const current = await readStored(file)
    const wait = Math.max(notBeforeMs, round.attempts.holdMs)
    const suggestedMs = current === null || now() < wait ? null : await this.#suggested(file, current, round)
    const question = { current, wanted: names, nowMs: now(), jitter: fixedChance(file), notBeforeMs: wait, suggestedMs }
    const decision = decideRenewal(question)
    const replaces = current === null || !this.#infos.get(file)?.window ? null : certificateId(current.certificate)
    if (decision.renew && !round.signal.aborted) await this.#renew(wanted, round, { reason: decision.reason, replaces })
    else this.#alarm(wanted, current, failures)
  }

  /** When the authority would have it renewed; null where it does not say. */
  async #suggested(file: string, current: StoredCertificate, { config, signal }: Round): Promise<number | null> {
    const nowMs = this.#options.now()
    const { certificate } = current
    const known = this.#infos.get(file)
    const isStale = known?.serial !== certificate.serialNumber || nowMs >= known.nextMs
    const info = isStale ? await askRenewalInfo({ config, certificate, signal, nowMs }) : known
    this.#infos.set(file, info)
    return info.window === null ? null : suggestedTime(info.window, current, fixedChance(info.serial))
  }

  async #renew(wanted: Wanted, round: Round, { reason, replaces }: Ordering): Promise<void> {
    const { log, now } = this.#options
    const { names, file } = wanted
    log.info({ names, reason, directory: round.config.directory }, 'certificate is being ordered')
    try {
      await writePrivateFile(file, await orderCertificate({ ...round, names, replaces, nowMs: now() }))
      log.info({ names, file }, 'certificate issued')
      await this.#note(wanted, round, { failures: 0, notBeforeMs: 0 })
    } catch (error) {
      // The gateway is closing: nobody has failed.
      if (!round.signal.aborted) await this.#failed(wanted, round, error)
    }
  }

  async #failed(wanted: Wanted, round: Round, error: unknown): Promise<void> {
    const { log, now, random } = this.#options
    const { names, file } = wanted
    const failures = (round.attempts.byFile[basename(file)]?.failures ?? 0) + 1
    const retryAfterMs = error instanceof AcmeFailure ? error.retryAfterMs : null
    const delayMs = retryDelay(failures, retryAfterMs, random())
    const notBeforeMs = now() + delayMs
    // What it asks for holds for all: they are one account's.
    if (retryAfterMs !== null) round.attempts = { ...round.attempts, holdMs: notBeforeMs }
    await this.#note(wanted, round, { failures, notBeforeMs })
    const current = await readStored(file)
    const next = new Date(notBeforeMs).toISOString()
    const stays = current === null ? '' : ', the old one stays'
    log.warn({ names, failures, next, reason: (error as Error).message }, `certificate not issued${stays}`)
    this.#alarm(wanted, current, failures)
  }

  async #note({ file }: Wanted, round: Round, attempt: { failures: number; notBeforeMs: number }): Promise<void> {
    const byFile = { ...round.attempts.byFile, [basename(file)]: attempt }
    round.attempts = { ...round.attempts, byFile }
    try {
      await writeAttempts(attemptsFile(round.folders), round.config, round.attempts)
      this.#unwritten = null
    } catch (error) {
      this.#unwritten = { of: setUpKey(round.config, round.folders), attempts: round.attempts }
      this.#options.log.error({ err: error }, 'attempts to get certificates cannot be written down')
    }
  }

  #alarm({ file, names }: Wanted, current: Validity | null, failures: number): void {
    const nowMs = this.#options.now()
    const alarm = decideAlarm(current, { failures, nowMs, toldMs: this.#toldMs.get(file) ?? Number.NEGATIVE_INFINITY })
    if (!alarm.warn || current === null) return
    this.#toldMs.set(file, nowMs)
    const { daysLeft, level } = alarm
    const validTo = new Date(current.notAfterMs).toISOString()
    const text = level === 'error' ? 'certificate has run out' : `certificate runs out in ${daysLeft} days`
    this.#options.log[level]({ names, validTo, failures, file }, `${text} and could not be renewed`)
  }
}

function setUpKey(config: AcmeConfig, folders: CertificateFolders): string {
  return `${attemptsFile(folders)} ${JSON.stringify(config)}`
}

function attemptsFile({ acme }: CertificateFolders): string {
  return join(acme, 'attempts.json')
}
