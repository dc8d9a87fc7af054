/** What the doctor found, for people: route by route, what is wrong with the line that cures it below. Pure. */
import { type Colour, count, formatTable, painter } from '../cli/format.ts'
import { withoutControls } from '../config/problem.ts'
import type { Examination, Finding, Remedy, Status } from './findings.ts'

const COLOURS: Readonly<Record<Status, Colour>> = { pass: 'green', fail: 'red', warn: 'yellow', skip: 'dim' }

export function findingsText(examinations: readonly Examination[], color: boolean): string {
  const routes = examinations.map(examination => routeText(examination, color))
  return `${[...routes, summary(examinations)].join('\n\n')}\n`
}

function routeText({ route, address, findings }: Examination, color: boolean): string {
  const paint = painter(color)
  const rows = formatTable(findings.map(({ status, check, reason }) => [status, check, withoutControls(reason)]))
  const lines = findings.flatMap(({ status, remedy }, i) => {
    const [start, rest] = [rows[i]?.slice(0, status.length) ?? '', rows[i]?.slice(status.length) ?? '']
    return [
      `  ${paint(COLOURS[status], start)}${rest}`,
      ...(remedy === undefined ? [] : [`        ${remedyText(remedy)}`]),
    ]
  })
  const title = withoutControls(address === null ? route : `${route}  ${address}`)
  return [paint('bold', title), ...lines].join('\n')
}

function remedyText({ where, file, line }: Remedy): string {
  const inApp = file === 'a terminal' ? 'in a terminal' : `in the app, ${file}`
  const place = where === 'app' ? inApp : file === 'listen' ? 'in listen' : `in route '${file}'`
  return withoutControls(`${place}: ${line}`)
}

function summary(examinations: readonly Examination[]): string {
  const all: readonly Finding[] = examinations.flatMap(({ findings }) => findings)
  const number = (status: Status) => all.filter(one => one.status === status).length
  const told = [`${number('fail')} wrong`, `${number('warn')} could be better`, `${number('pass')} well`]
  return `${count(examinations.length, 'route')}: ${[...told, `${number('skip')} not looked at`].join(', ')}`
}
