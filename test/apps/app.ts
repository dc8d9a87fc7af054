// What the run knows about a home app: how it is installed and started, which troubles of its pages are its own,
// and what it asks of a gateway.
import type { BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { Diary } from './diary.ts'
import type { ProcessGroup } from './processes.ts'
import type { Door } from './wire.ts'

/** Where an app lives in one run: `folder` its installation, `state` an empty folder, `port` a free loopback port. */
export interface Room {
  readonly folder: string
  readonly state: string
  readonly logFile: string
  readonly port: number
  readonly programs: ProcessGroup
}

/** A trouble that the app's page has without a gateway too; `trouble` is the whole line of the diary. */
export interface Benign {
  readonly trouble: string
  readonly reason: string
}

export const noFavicon: readonly Benign[] = [
  { trouble: 'answer 404 GET /favicon.ico', reason: 'it has none' },
  {
    trouble: 'console /favicon.ico: Failed to load resource: the server responded with a status of 404',
    reason: 'it has none',
  },
]

/** One door of an app in a browser context (cache, cookies) of its own. */
export interface Visit {
  readonly door: Door
  readonly context: BrowserContext
  /** One for each front page opened so far. */
  readonly diaries: readonly Diary[]
  /** Opens the front page in a new tab and waits until the app is ready. */
  openFrontPage(): Promise<{ page: Page; diary: Diary }>
  /** Saves a screenshot as .apps/shots/APP-DOOR-WHAT.png. */
  shot(page: Page, what: string): Promise<void>
}

export interface HomeApp {
  /** Folder, host label and option value. */
  readonly name: string
  readonly title: string
  /** Of the npm registry; none for an app of Debian, whose version is the machine's. */
  readonly packages: Readonly<Record<string, string>>
  readonly overrides?: Readonly<Record<string, string>>
  /** Debian commands it needs, named as their packages, and files with their whole path. */
  readonly commands?: readonly string[]
  /** Debian packages of its commands and files, where they have other names. */
  readonly debian?: readonly string[]
  /** Its route's preset; its own name without this, null = there is none. */
  readonly preset?: string | null
  /** Why it refuses a route without its preset: then a bare run leaves it out. */
  readonly refusesBare?: string
  /** What its route says beside the address, in a bare run too. */
  readonly route?: Readonly<Record<string, unknown>>
  readonly benign: readonly Benign[]
  /** Parts of its answers that differ on each visit, without a gateway too. */
  readonly moving?: readonly RegExp[]
  /** Its addresses, without the origin, whose answers tell its present state or wait for the next. */
  readonly live?: RegExp
  /** Starts the app with an empty state; resolves once it answers, throws when it does not. */
  start(room: Room): Promise<void>
  /** Resolves once the page shows the app ready for its user and has no request left to send. */
  ready(page: Page): Promise<void>
  /** Sub-tests of what this app asks of a gateway. */
  checks(t: Test, visit: Visit): Promise<void>
}

/** The troubles of a diary that the app does not have without a gateway. */
export function unexpectedTroubles(app: Pick<HomeApp, 'benign'>, diary: Diary): string[] {
  return diary.troubles.filter(line => !app.benign.some(({ trouble }) => line === trouble))
}
