/** `hearthgate report`: what the last hours brought, in plain words. */
import { withoutControls } from '../config/problem.ts'
import { formatDuration, MAX_DURATION_MS, parseDuration } from '../config/units.ts'
import type { Report } from '../report/report.ts'
import { reportHtml, reportText } from '../report/show.ts'
import { type AdminArguments, AdminError, askAdmin, findAdmin, NOT_OURS } from './admin-client.ts'
import type { CliIo } from './io.ts'

export interface ReportArguments extends AdminArguments {
  /** A duration of the configuration's form: 24h. */
  readonly since: string
  readonly form: 'text' | 'json' | 'html'
}

/** As far as it is needed of an answer that may come from anybody. */
interface Told {
  readonly report?: Report
}

/** Resolves to the exit code: 0, or 1 where no gateway could be asked. */
export async function runReport(args: ReportArguments, io: CliIo): Promise<number> {
  try {
    const since = parseDuration(args.since)
    if (!since.ok || since.value === 0) throw new AdminError(`--since ${args.since}: write a duration, such as 24h`)
    if (since.value > MAX_DURATION_MS)
      throw new AdminError(`--since ${args.since}: at most ${formatDuration(MAX_DURATION_MS)}`)
    const address = await findAdmin(args, io)
    const { report } = (await askAdmin(address, `/api/report?since=${encodeURIComponent(args.since)}`)) as Told
    if (report?.routes === undefined) throw new AdminError(NOT_OURS)
    const forms = { text: reportText, html: reportHtml, json: () => `${JSON.stringify(report, null, 2)}\n` }
    io.stdout.write(forms[args.form](report))
    return 0
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    io.stderr.write(`hearthgate: ${withoutControls(error.message)}\n`)
    return 1
  }
}
