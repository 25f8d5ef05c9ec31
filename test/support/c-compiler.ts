import { spawnSync } from 'node:child_process'

/** The machine's C compiler; undefined where there is none. CI must have one: there it is an error. */
export function findCompiler(): string | undefined {
  for (const name of ['cc', 'gcc', 'clang']) if (spawnSync(name, ['--version']).status === 0) return name
  if (process.env['CI']) throw new Error('No C compiler (cc, gcc or clang): CI must prove the C client.')
  console.warn('NO C COMPILER (cc, gcc or clang): the tests of the C client in examples/esp-idf are skipped.')
  return undefined
}

/** Compiles with every warning an error and, where the compiler has them, the sanitizers for memory and arithmetic. */
export function compile(
  compiler: string,
  sources: readonly string[],
  options: { include: string; output: string },
): void {
  const flags = ['-std=c99', '-D_POSIX_C_SOURCE=200809L', '-pedantic', '-Wall', '-Wextra', '-Wshadow', '-Werror', '-g']
  const common = [...flags, `-I${options.include}`, ...sources, '-o', options.output]
  const sanitized = spawnSync(compiler, ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', ...common])
  if (sanitized.status === 0) return
  const { status, stderr } = spawnSync(compiler, common, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}
