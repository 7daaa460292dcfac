// What docs/migration.md shows for TypeScript, asked of the address and key given; one JSON object on standard output.
import { createRequire } from "node:module";

const [folder, endpoint, key] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const AnomalyDetector = require("@azure-rest/ai-anomaly-detector").default;
const { AzureKeyCredential } = require("@azure/core-auth");

const connect = (k) => AnomalyDetector(endpoint, new AzureKeyCredential(k), { allowInsecureConnection: true });
const series = Array.from({ length: 60 }, (_, i) => ({
  timestamp: new Date(Date.UTC(2026, 10, 1, 0, i)),
  value: i === 59 ? 50 : 10 + ((i * 7919) % 13) / 10,
}));
const ask = async (client, operation, points) => {
  const body = { series: points, granularity: "minutely", sensitivity: 95 };
  const answer = await client.path(`/timeseries/${operation}/detect`).post({ body });
  return { status: answer.status, body: answer.body };
};

const client = connect(key);
console.log(
  JSON.stringify({
    last: await ask(client, "last", series),
    entire: await ask(client, "entire", series),
    changepoint: await ask(client, "changepoint", series),
    short: await ask(client, "last", series.slice(0, 5)),
    wrong: await ask(connect("wrong"), "last", series),
  }),
);
