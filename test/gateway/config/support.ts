/** Runs a text through the configuration's reader and gives lines as `check` prints them. */
import { type LoadOptions, type LoadResult, parseConfig } from '../../../gateway/config/load.ts'
import { formatProblem } from '../../../gateway/config/problem.ts'
import type { GatewayConfig, RouteConfig } from '../../../gateway/config/types.ts'

const FOLDER = '/etc/hearthgate'

export function parse(text: string, options: LoadOptions = {}): LoadResult {
  return parseConfig(text, `${FOLDER}/gateway.yaml`, { env: {}, ...options })
}

export function problemLines(text: string, options: LoadOptions = {}): string[] {
  const result = parse(text, options)
  return result.ok ? [] : result.problems.map(problem => formatProblem(problem, FOLDER).replace('gateway.yaml:', ''))
}

export function warningLines(text: string, options: LoadOptions = {}): string[] {
  return parse(text, options).warnings.map(problem =>
    formatProblem(problem, FOLDER, 'warning').replace('gateway.yaml:', ''),
  )
}

/** The configuration of a text that has to be sound. */
export function configOf(text: string, options: LoadOptions = {}): GatewayConfig {
  const result = parse(text, options)
  if (!result.ok) throw new Error(problemLines(text, options).join('\n'))
  return result.config
}

/** A sound file with one route, into which `lines` are put at the indent of the route's keys. */
export function withRoute(...lines: string[]): string {
  return [
    'routes:',
    '  - name: wiki',
    '    upstream: http://127.0.0.1:3000',
    ...lines.map(line => `    ${line}`),
    '',
  ].join('\n')
}

/** The one route of such a file. */
export function routeOf(text: string, options: LoadOptions = {}): RouteConfig {
  const [route] = configOf(text, options).routes
  if (route === undefined) throw new Error('no route')
  return route
}
