// Reads an AsyncAPI document with the AsyncAPI project's own parser and prints
// what the parser says of it and the document itself, references resolved:
//
//	NODE_PATH=…/node_modules node check.js ../asyncapi.yaml
//
// The test of asyncapi.yaml runs it; see ../asyncapi_test.go.
const { Parser, fromFile } = require('@asyncapi/parser');

async function main(path) {
  const { document, diagnostics } = await fromFile(new Parser(), path).parse();
  const said = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join('.') }));
  process.stdout.write(JSON.stringify({ diagnostics: said, document: document ? document.json() : null }));
}

main(process.argv[2]).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
