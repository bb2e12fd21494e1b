#!/usr/bin/env node
/** The command line: `webmon --help`. One file of src/commands for each group of commands. */
import { addCheck } from './commands/check.ts'
import { commandLine } from './commands/commandLine.ts'

const program = commandLine()
addCheck(program)
await program.parseAsync()
