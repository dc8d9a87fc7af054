/**
 * What homes really send: bundles, style sheets, pages and messages of Node-RED, TiddlyWiki and Flood as npm delivers them,
 * and made-up readings of 100 KiB.
 */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { flood } from '../../test/apps/flood.ts'
import { emptyState, installApp } from '../../test/apps/install.ts'
import { nodeRed } from '../../test/apps/node-red.ts'
import { tiddlywiki } from '../../test/apps/tiddlywiki.ts'
import { readingsBody } from '../payloads.ts'

export interface RealBody {
  readonly name: string
  readonly type: string
  readonly body: Buffer
}

/** Installs the apps where they are missing. */
export function realBodies(): RealBody[] {
  const editor = join(installApp(nodeRed), 'node_modules', '@node-red')
  const bundles = join(installApp(flood), 'node_modules', 'flood', 'dist', 'assets', 'assets')
  return [
    script('red.min.js', join(editor, 'editor-client', 'public', 'red', 'red.min.js')),
    script('flood.js', largestOf(join(bundles, 'index-*.js'))),
    read('style.css', 'text/css', join(editor, 'editor-client', 'public', 'red', 'style.min.css')),
    read('messages.json', 'application/json', join(editor, 'nodes', 'locales', 'en-US', 'messages.json')),
    { name: 'readings.json', type: 'application/json', body: readingsBody(100 * 1024) },
    { name: 'wiki.html', type: 'text/html', body: renderWiki() },
  ]
}

function script(name: string, file: string): RealBody {
  return read(name, 'text/javascript', file)
}

function read(name: string, type: string, file: string): RealBody {
  return { name, type, body: readFileSync(file) }
}

function largestOf(pattern: string): string {
  const files = globSync(pattern).map(file => ({ file, bytes: readFileSync(file).length }))
  const [largest] = files.toSorted((a, b) => b.bytes - a.bytes)
  if (largest === undefined) throw new Error(`no file is called ${pattern}: the app has changed`)
  return largest.file
}

/** The page that a new wiki sends, as the app itself renders it. */
function renderWiki(): Buffer {
  const command = join(installApp(tiddlywiki), 'node_modules', 'tiddlywiki', 'tiddlywiki.js')
  const wiki = join(emptyState('bench-wiki'), 'wiki')
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [command, wiki, ...args], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`tiddlywiki ${args.join(' ')} failed: ${stderr.slice(-600)}`)
  }
  run('--init', 'server')
  run('--render', '$:/core/save/all', 'wiki.html', 'text/plain')
  return readFileSync(join(wiki, 'output', 'wiki.html'))
}
