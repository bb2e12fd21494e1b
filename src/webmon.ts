#!/usr/bin/env node
/** The command line: `webmon --help`. One file of src/commands for each group of commands. */
import { addCheck } from './commands/check.ts'
import { commandLine } from './commands/commandLine.ts'
import { addWebsites } from './commands/website.ts'

const program = commandLine()
addCheck(program)
addWebsites(program)
await program.parseAsync()
