/** The one shape of a contender: where it is found, and the process and configuration that stand for it. */
import type { Command } from '../command.ts'

export type Availability =
  | { readonly available: true; readonly version: string }
  /** What is missing and the line that installs it. */
  | { readonly available: false; readonly reason: string }

export interface Setting {
  /** An empty folder of its own. */
  readonly directory: string
  /** The free loopback port to listen on. */
  readonly port: number
  readonly originPort: number
}

export interface Launch {
  readonly command: Command
  /** Name within the folder to text, written before the start. */
  readonly files: ReadonlyMap<string, string>
}

export interface Contender {
  readonly name: string
  /** What it stands for and how it is set up, for the notes under a table. */
  readonly about: string
  find(): Availability
  /** Pure: one worker or thread, access log off, connections to the origin kept. Only for an available contender. */
  launch(setting: Setting): Launch
}
