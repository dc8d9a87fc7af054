/**
 * Carries out a Containerfile without an engine, as far as it can be: each stage is a folder, COPY copies, RUN runs in the
 * folder, and what the last stage says about its process is handed back. Steps that it does not know are an error.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface Image {
  /** Folder that stands for `/` in the last stage. */
  readonly root: string
  readonly workdir: string
  readonly user: string
  readonly environment: Readonly<Record<string, string>>
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
  readonly volumes: readonly string[]
  readonly ports: readonly number[]
  readonly stopSignal: string
  /** Images that the stages begin with. */
  readonly bases: readonly string[]
}

export interface Build {
  readonly file: string
  /** Folder that COPY reads from. */
  readonly context: string
  /** Empty folder for the stages. */
  readonly work: string
  /** Runs a step in a folder in place of a shell; false = the shell has to. */
  readonly run: (command: string, folder: string) => boolean
}

type Draft = { -readonly [K in keyof Image]: Image[K] } & { environment: Record<string, string> }

/** @throws Error for a step that fails, or that is not known. */
export function buildImage(build: Build): Image {
  const stages = new Map<string, string>()
  const bases: string[] = []
  let stage = emptyStage('', bases)
  for (const { word, rest } of stepsOf(readFileSync(build.file, 'utf8'))) {
    if (word === 'FROM') {
      const [base = '', name = 'last'] = rest.split(/ AS /i)
      bases.push(base)
      stage = emptyStage(join(build.work, name), bases)
      mkdirSync(stage.root)
      stages.set(name, stage.root)
    } else applyStep(stage, word, rest, { build, stages })
  }
  return stage
}

function emptyStage(root: string, bases: readonly string[]): Draft {
  return {
    ...{ root, bases, workdir: '/', user: 'root', environment: {}, stopSignal: 'SIGTERM' },
    ...{ entrypoint: [], command: [], healthcheck: [], volumes: [], ports: [] },
  }
}

function stepsOf(text: string): { word: string; rest: string }[] {
  const lines = text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'))
  return lines.map(line => {
    const [word = '', ...rest] = line.split(' ')
    return { word, rest: rest.join(' ') }
  })
}

interface Around {
  readonly build: Build
  readonly stages: ReadonlyMap<string, string>
}

function applyStep(stage: Draft, word: string, rest: string, around: Around): void {
  const list = () => JSON.parse(rest) as string[]
  if (word === 'WORKDIR') {
    stage.workdir = rest
    mkdirSync(join(stage.root, rest), { recursive: true })
  } else if (word === 'COPY') copy(stage, rest, around)
  else if (word === 'RUN') run(stage, rest, around.build)
  else if (word === 'ENV') {
    const [name = '', value = ''] = rest.split('=')
    stage.environment[name] = value
  } else if (word === 'USER') stage.user = rest
  else if (word === 'VOLUME') stage.volumes = [...stage.volumes, rest]
  else if (word === 'EXPOSE') stage.ports = rest.split(' ').map(Number)
  else if (word === 'STOPSIGNAL') stage.stopSignal = rest
  else if (word === 'HEALTHCHECK') stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4)) as string[]
  else if (word === 'ENTRYPOINT') stage.entrypoint = list()
  else if (word === 'CMD') stage.command = list()
  else throw new Error(`${word} is not known here`)
}

function copy(stage: Draft, rest: string, { build, stages }: Around): void {
  const words = rest.split(' ')
  const options = words.filter(word => word.startsWith('--'))
  const paths = words.filter(word => !word.startsWith('--'))
  const from = options.find(option => option.startsWith('--from='))?.slice('--from='.length)
  const source = from === undefined ? build.context : stages.get(from)
  if (source === undefined) throw new Error(`no stage is called ${from}`)
  const target = paths.at(-1) as string
  const absolute = join(stage.root, target.startsWith('/') ? target : join(stage.workdir, target))
  for (const path of paths.slice(0, -1)) {
    if (!existsSync(join(source, path))) throw new Error(`COPY: ${path} is not there`)
    cpSync(join(source, path), target.endsWith('/') ? join(absolute, basename(path)) : absolute, {
      recursive: true,
      verbatimSymlinks: true,
    })
  }
}

function run({ root, workdir }: Draft, command: string, build: Build): void {
  const folder = join(root, workdir)
  if (build.run(command, folder)) return
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    HOME: build.work,
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  }
  // The runner of the tests changes how every child loads modules, also where its environment is our own.
  const script = `unset NODE_OPTIONS; ${command}`
  const { status, stderr, stdout } = spawnSync('sh', ['-c', script], { cwd: folder, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`RUN ${command}: ${stdout}${stderr}`)
}
