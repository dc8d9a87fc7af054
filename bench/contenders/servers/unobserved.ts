/**
 * The built gateway with its eyes shut, for the cost of looking: nobody is told of a request or an attempt, so nothing
 * of one is followed, counted or written. Its arguments are those of the gateway.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PROJECT_FOLDER } from '../installed.ts'

const built = (path: string): string => pathToFileURL(join(PROJECT_FOLDER, 'dist', path)).href

const { Channel, Exchanges } = (await import(
  built('plugins/contract/index.js')
)) as typeof import('../../../plugins/contract/index.ts')
Exchanges.prototype.listen = () => {}
Channel.prototype.listen = () => () => {}
await import(built('gateway/main.js'))
