// The fields of a form as (name, value), in their order, and putting them back into the form.

const OWN = new Set(["csrf", "patient", "kept"]);
const ticked = (element) => element.type === "radio" || element.type === "checkbox";

const fieldsOf = (form) =>
  [...form.elements].filter((one) => one.name && !OWN.has(one.name) && ["INPUT", "TEXTAREA", "SELECT"].includes(one.tagName));

export const valuesOf = (form) =>
  fieldsOf(form).filter((one) => !ticked(one) || one.checked).map((one) => [one.name, one.value]);

// Gives whether something has no place in the form any more: a choice that is not offered now.
export function fill(form, fields) {
  const wanted = new Map();
  for (const [name, value] of fields) wanted.set(name, [...(wanted.get(name) ?? []), value]);
  let missing = false;
  for (const name of new Set([...fieldsOf(form).map((one) => one.name), ...wanted.keys()])) {
    const places = fieldsOf(form).filter((one) => one.name === name);
    const values = wanted.get(name) ?? [];
    const left = places.some(ticked) ? tick(places, values) : put(places, values);
    if (places.every((one) => one.type === "hidden")) for (const value of left) add(form, name, value);
    else missing ||= left.length > 0;
  }
  return missing;
}

// Each gives the values that have no place.
function tick(places, values) {
  // Of what was not in the form when it was left, nothing is known.
  if (values.length || places.every((one) => one.type === "checkbox")) {
    for (const one of places) one.checked = values.includes(one.value);
  }
  return values.filter((value) => !places.some((one) => one.value === value));
}

function put(places, values) {
  const left = values.slice(places.length);
  for (const [number, one] of places.entries()) {
    const value = values[number];
    if (value === undefined) continue;
    if (one.tagName === "SELECT" && ![...one.options].some((option) => option.value === value)) left.push(value);
    else one.value = value;
  }
  return left;
}

function add(form, name, value) {
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
}
