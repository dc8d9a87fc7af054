/**
 * The tunnels of one app, and how a chosen part of them is closed (reload, end of the app).
 */
import type { Tunnel } from './tunnel.ts'

export class TunnelRegistry {
  readonly #tunnels = new Set<Tunnel>()
  readonly #connecting = new Set<AbortController>()
  #closing = false

  /** All tunnels, those in their handshake too. */
  get tunnels(): Iterable<Tunnel> {
    return this.#tunnels
  }

  get count(): number {
    return this.#tunnels.size
  }

  /** The app is closing: no new tunnels. */
  get closing(): boolean {
    return this.#closing
  }

  add(tunnel: Tunnel): void {
    this.#tunnels.add(tunnel)
  }

  delete(tunnel: Tunnel): void {
    this.#tunnels.delete(tunnel)
  }

  addConnecting(attempt: AbortController): void {
    this.#connecting.add(attempt)
  }

  deleteConnecting(attempt: AbortController): void {
    this.#connecting.delete(attempt)
  }

  /**
   * Gives the tunnels that match now `graceMs` to end by themselves, then closes those that still match with 1001.
   * Resolves when all of them are gone.
   */
  async closeWhere(predicate: (tunnel: Tunnel) => boolean, graceMs: number): Promise<void> {
    const chosen = [...this.#tunnels].filter(predicate)
    if (chosen.length === 0) return
    if (graceMs > 0) await settledWithin(chosen, graceMs)
    const rest = chosen.filter(tunnel => this.#tunnels.has(tunnel) && predicate(tunnel))
    for (const tunnel of rest) tunnel.closeGracefully()
    await Promise.all(rest.map(tunnel => tunnel.ended))
  }

  /** Refuses what comes, gives up what is connecting with `reason`, closes every tunnel with 1001 within `limitMs`. */
  async closeAll(limitMs: number, reason: Error): Promise<void> {
    this.#closing = true
    for (const attempt of this.#connecting) attempt.abort(reason)
    const all = [...this.#tunnels]
    for (const tunnel of all) tunnel.closeGracefully(1001, limitMs)
    await Promise.all(all.map(tunnel => tunnel.ended))
  }
}

function settledWithin(tunnels: readonly Tunnel[], graceMs: number): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, graceMs).unref()
  const all = Promise.all(tunnels.map(tunnel => tunnel.ended)).then(() => clearTimeout(timer))
  return Promise.race([promise, all])
}
