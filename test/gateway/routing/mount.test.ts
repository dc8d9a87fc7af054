import t from 'tap'
import { compileMount, spelledPrefixLength, upstreamPath } from '../../../gateway/routing/mount.ts'

t.test('the base replaces the prefix and keeps the rest byte for byte', async t => {
  const cases: [path: string, rewrite: string | null, raw: string, sent: string][] = [
    ['/notes', '/base', '/notes/x', '/base/x'],
    ['/notes', '/base', '/notes', '/base'],
    ['/notes', '/base', '/notes/', '/base/'],
    ['/notes', '/', '/notes', '/'],
    ['/notes', '/', '/notes/', '/'],
    ['/notes', '/', '/notes/x', '/x'],
    ['/notes', '/', '/notes//evil.test/x', '//evil.test/x'],
    ['/app/', '/base/', '/app', '/base/'],
    ['/app/', '/base/', '/app/x', '/base/x'],
    ['/app', '/base', '/app//127.0.0.1:1/x', '/base//127.0.0.1:1/x'],
    ['/', '/base', '/x%2Fy;z', '/base/x%2Fy;z'],
    ['/', '/base', '//x', '/base//x'],
    ['/', null, '/x', '/x'],
    ['/notes', null, '/notes/x', '/notes/x'],
    ['/notes', null, '/%6eotes/%6e', '/notes/%6e'],
    ['/a b', '/c d', '/a%20b/x', '/c%20d/x'],
    ['/a b', null, '/%61%20b/x', '/a%20b/x'],
    ['/caf\u00e9', null, '/caf%c3%a9/x', '/caf%C3%A9/x'],
    ['/caf\u00e9', null, '/caf\u00c3\u00a9/x', '/caf\u00c3\u00a9/x'],
  ]
  for (const [path, rewrite, raw, sent] of cases) {
    const compiled = compileMount(path, rewrite)
    if (!compiled.ok) throw new Error(compiled.problem)
    const length = spelledPrefixLength(raw, compiled.mount.key, false)
    t.equal(upstreamPath(compiled.mount, raw, length), sent, `${path} ${rewrite} ${raw}`)
  }
})

t.test('the spelled prefix is counted in segments, with or without empty ones', async t => {
  const cases: [sent: string, key: string, collapsed: boolean, length: number][] = [
    ['/app/x', '/app', false, 4],
    ['/%61pp/x', '/app', false, 6],
    ['/app', '/app', false, 4],
    ['//app///b//x', '/app/b', true, 9],
    ['//x', '', false, 0],
    ['//x', '', true, 0],
  ]
  for (const [sent, key, collapsed, length] of cases) {
    t.equal(spelledPrefixLength(sent, key, collapsed), length, `${sent} ${key}`)
  }
})

t.test('a configured path that is no path is named as a problem', async t => {
  for (const path of ['', 'notes', '/a?b', '/a#b', '/../a', '/a/..%2fb', '/a/..;x']) {
    t.match(compileMount(path, null), { ok: false, problem: /^path "/ }, path)
    t.match(compileMount('/', path), { ok: false, problem: /^rewrite_path "/ }, path)
  }
})
