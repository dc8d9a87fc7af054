/** What an importer makes of another proxy's configuration: routes, and what could not be kept, in words. */

export interface ImportedRoute {
  readonly name: string
  readonly hosts: readonly string[]
  /** `/` for the whole host. */
  readonly path: string
  readonly upstreams: readonly string[]
  /** Null = the path goes up as it came. */
  readonly rewritePath: string | null
  /** Largest body; null = the gateway's default. */
  readonly bodySize: string | null
  readonly responseTimeout: string | null
  readonly hostRule: 'preserve' | 'upstream' | null
  readonly requestHeaders: Readonly<Record<string, string>>
  readonly answerHeaders: Readonly<Record<string, string>>
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly forwardAuth: { readonly url: string; readonly headers: readonly string[] } | null
  /** False where https origins are not verified. */
  readonly verify: boolean
  /** Something that kept people out could not be kept: the route is for this machine alone until its owner has looked. */
  readonly isShut: boolean
  readonly hsts: boolean
  /** Paths of the app, and where the gateway sends them. */
  readonly redirects: Readonly<Record<string, string>>
  readonly preset: string | null
}

export interface Imported {
  readonly routes: readonly ImportedRoute[]
  /** One sentence each, with where it stood. */
  readonly lost: readonly string[]
}

/** Reads the text of a file. Never throws for what a text may hold. */
export type Importer = (text: string, file: string) => Imported

export function route(name: string, more: Partial<ImportedRoute>): ImportedRoute {
  return {
    name,
    hosts: ['*'],
    path: '/',
    upstreams: [],
    rewritePath: null,
    bodySize: null,
    responseTimeout: null,
    hostRule: null,
    requestHeaders: {},
    answerHeaders: {},
    allow: [],
    deny: [],
    forwardAuth: null,
    verify: true,
    isShut: false,
    hsts: false,
    redirects: {},
    preset: null,
    ...more,
  }
}
