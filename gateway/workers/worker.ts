/**
 * One process among several: opens the gateway as the supervisor says, with an admin listener of its own on loopback, and
 * ends when the supervisor asks for it (node:cluster ends it at once when the supervisor is gone).
 */
import { SharedAttempts } from '../../plugins/access/index.ts'
import { ConfigurationError, type GatewayOptions, openGateway, type RunningGateway } from '../lifecycle.ts'
import { openLog } from '../log-target.ts'
import { collectStartGarbage } from '../start-garbage.ts'
import type { Order, Report } from './messages.ts'

export interface WorkerOptions {
  /** Absolute path of the configuration; what it holds comes with the orders. */
  readonly file: string
  readonly partial: boolean
}

/** Resolves to the exit code once the gateway has ended. */
export function runWorker({ file, partial }: WorkerOptions): Promise<number> {
  const log = openLog()
  let opening: Promise<RunningGateway> | null = null
  const attempts = new SharedAttempts({
    ask: question => report({ is: 'attempt', question }),
    forgive: sender => report({ is: 'forgiven', sender }),
  })
  return new Promise(resolve => {
    const end = (code: number) => {
      resolve(code)
      // The channel would keep the process alive.
      if (process.connected) process.disconnect()
    }
    const close = () => {
      if (opening === null) return end(0)
      opening
        .then(gateway => gateway.close())
        .then(
          () => end(0),
          () => end(1),
        )
    }
    // A terminal sends its signals to every process of the group: when to end is the supervisor's word.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
    process.on('message', (order: Order) => {
      if (order.do === 'close') close()
      else if (order.do === 'attempted') attempts.answered(order.id, order.waitMs)
      else if (order.do === 'reload') void opening?.then(gateway => reload(gateway, order.text))
      else {
        const admin = { host: '127.0.0.1', port: 0, token: order.adminToken, hosts: [] }
        const { text, quiet, slot } = order
        opening = open({ file, partial, log, text, admin, quiet, slot, attempts, keepsCertificates: false })
        opening.catch(() => end(1))
      }
    })
    report({ is: 'waiting' })
  })
}

async function open(options: GatewayOptions): Promise<RunningGateway> {
  try {
    const gateway = await openGateway(options)
    report({ is: 'open', listen: gateway.listen, admin: gateway.admin })
    void collectStartGarbage()
    return gateway
  } catch (error) {
    const { message, code = '' } = error as NodeJS.ErrnoException
    const problems = error instanceof ConfigurationError ? error.problems : []
    report({ is: 'refused', problems, message, code })
    throw error
  }
}

async function reload(gateway: RunningGateway, text: string): Promise<void> {
  report({ is: 'reloaded', ok: await gateway.reload(text) })
}

/** Nobody is there to be told once the supervisor has gone. */
function report(message: Report): void {
  if (process.connected) process.send?.(message)
}
