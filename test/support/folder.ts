/**
 * A folder of one test for something that goes on writing to it until a teardown ends it. tap removes the folder of a
 * `t.testdir()` in front of the teardowns where the test has none yet, and then what still writes makes it anew.
 */
import type { Test } from 'tap'

export function folderOf(t: Test, files: Parameters<Test['testdir']>[0] = {}): string {
  t.teardown(() => {})
  return t.testdir(files)
}
