/** What an importer makes of another proxy's configuration: routes, and what could not be kept, in words. */

export interface PathLists {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

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
  /** Further lists for paths as visitors see them, with `*` for anything. */
  readonly paths: Readonly<Record<string, PathLists>>
  /** Hash of the password by name; empty = no password is asked. */
  readonly users: Readonly<Record<string, string>>
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

/** The text of a file that an imported one names; null where it is not here. */
export type ReadNamed = (name: string) => string | null

/** Reads the text of a file. Never throws for what a text may hold. */
export type Importer = (text: string, file: string, read?: ReadNamed) => Imported

/** Whether anybody is kept out of the route. */
export function isGuarded({ allow, deny, paths, users, forwardAuth, isShut }: ImportedRoute): boolean {
  return (
    isShut ||
    forwardAuth !== null ||
    [allow, deny, Object.keys(paths), Object.keys(users)].some(list => list.length > 0)
  )
}

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
    paths: {},
    users: {},
    forwardAuth: null,
    verify: true,
    isShut: false,
    hsts: false,
    redirects: {},
    preset: null,
    ...more,
  }
}
