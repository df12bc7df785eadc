// Reads {"schema": {…}, "documents": [{"name", "text", "list"}]} and writes [{"name", "errors": [{"at",
// "what"}]}]. A list is held against the schema's definition of `notify`: it is a file that an item of
// `notify` includes.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import { parse } from 'yaml';

const { schema, documents } = JSON.parse(readFileSync(0, 'utf8'));
const ajv = new Ajv({
  allErrors: true, strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true,
});
const whole = ajv.addSchema(schema).getSchema(schema.$id);
const list = ajv.getSchema(`${schema.$id}#/definitions/notify`);

const answer = documents.map(({ name, text, list: isList }) => {
  const validate = isList ? list : whole;
  let value;
  try {
    value = parse(text, { uniqueKeys: true });
  } catch (error) {
    return { name, errors: [{ at: '', what: String(error.message) }] };
  }
  validate(value);
  return { name, errors: (validate.errors ?? []).map(({ instancePath, message, params }) =>
    ({ at: instancePath, what: `${message} ${JSON.stringify(params)}` })) };
});
process.stdout.write(JSON.stringify(answer));
