/* SPDX-License-Identifier: Apache-2.0 */
/* Renders /openapi.json: operations by tag, with parameters and an outline of bodies. */
"use strict";

const verbs = ["get", "post", "put", "patch", "delete"];

function el(tag, text, ...children) {
	const node = document.createElement(tag);
	if (text) node.textContent = text;
	node.append(...children);
	return node;
}

function resolve(doc, schema) {
	while (schema && schema.$ref) {
		schema = schema.$ref.slice(2).split("/").reduce((at, key) => at[key.replaceAll("~1", "/")], doc);
	}
	return schema || {};
}

/* An outline of a schema as JSON-like text; depth and what is already open bound it. */
function outline(doc, schema, indent, open) {
	const name = schema && schema.$ref;
	const s = resolve(doc, schema);
	if (name && (open.includes(name) || open.length > 5)) return name.split("/").pop();
	const inner = name ? [...open, name] : open;
	if (s.type === "array") return "[ " + outline(doc, s.items, indent, inner) + " ]";
	if (s.properties) {
		const pad = "  ".repeat(indent + 1);
		const lines = Object.entries(s.properties).map(([key, p]) => {
			const note = p.description || resolve(doc, p).description;
			return `${pad}"${key}": ${outline(doc, p, indent + 1, inner)},` + (note && !p.$ref ? "  // " + note.split("\n")[0] : "");
		});
		return "{\n" + lines.join("\n") + "\n" + "  ".repeat(indent) + "}";
	}
	if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
	return [].concat(s.type || "any").join("|") + (s.format ? ` (${s.format})` : "");
}

function parameters(doc, list) {
	const table = el("table", "");
	for (const raw of list) {
		const p = resolve(doc, raw);
		table.append(el("tr", "", el("td", "", el("code", p.name)), el("td", p.in + (p.required ? ", required" : "")),
			el("td", outline(doc, p.schema, 0, [])), el("td", p.description || "")));
	}
	return table;
}

function bodyOf(doc, content) {
	const media = content && Object.entries(content)[0];
	return media ? el("pre", outline(doc, media[1].schema, 0, [])) : null;
}

function operation(doc, path, verb, op) {
	const head = el("summary", "", el("span", verb.toUpperCase()), el("code", path), " " + (op.summary || ""));
	head.firstChild.className = "verb";
	const box = el("details", "", head);
	if (op.description) box.append(el("p", op.description));
	if (op.parameters && op.parameters.length) box.append(el("h4", "Parameters"), parameters(doc, op.parameters));
	const request = op.requestBody && bodyOf(doc, resolve(doc, op.requestBody).content);
	if (request) box.append(el("h4", "Body"), request);
	for (const [status, raw] of Object.entries(op.responses || {})) {
		const reply = resolve(doc, raw);
		box.append(el("h4", `${status} ${reply.description || ""}`));
		const body = bodyOf(doc, reply.content);
		if (body) box.append(body);
	}
	box.dataset.words = `${verb} ${path} ${op.summary || ""} ${op.description || ""}`.toLowerCase();
	return box;
}

function render(doc) {
	const groups = new Map();
	for (const [path, item] of Object.entries(doc.paths)) {
		for (const verb of verbs.filter((v) => item[v])) {
			const tag = (item[verb].tags || ["Other"])[0];
			if (!groups.has(tag)) groups.set(tag, []);
			groups.get(tag).push(operation(doc, path, verb, item[verb]));
		}
	}
	document.getElementById("about").textContent = `${doc.info.title} ${doc.info.version}. ${doc.info.description || ""}`;
	const main = document.getElementById("operations");
	for (const [tag, boxes] of groups) main.append(el("section", "", el("h2", tag), ...boxes));
}

document.getElementById("filter").addEventListener("input", (event) => {
	const word = event.target.value.toLowerCase();
	for (const box of document.querySelectorAll("details")) box.hidden = !box.dataset.words.includes(word);
});

fetch("/openapi.json").then((r) => r.json()).then(render).catch((e) => {
	document.getElementById("about").textContent = "The document could not be loaded: " + e;
});
