// Makes consent_tcf.json and consent_gpp.json with the IAB's own libraries, so that our codecs are checked against an
// implementation that shares nothing with them. It runs by hand, when a library or a section is new:
//
//   npm install @iabtcf/core@1.5.6 @iabgpp/cmpapi@3.2.0
//   node make_consent_vectors.mjs
import fs from "fs";
import { createRequire } from "module";
import path from "path";
const require = createRequire(process.cwd() + "/");
const { GVL, PurposeRestriction, RestrictionType, Segment, TCModel, TCString } = require("@iabtcf/core");
const cmpapi = path.dirname(require.resolve("@iabgpp/cmpapi"));
const { GppModel } = require(path.join(cmpapi, "encoder/GppModel.js"));
const { Sections } = require(path.join(cmpapi, "encoder/section/Sections.js"));

let state = 20261125;
const random = (n) => ((state = (state * 1103515245 + 12345) % 2147483648), Math.floor((state / 2147483648) * n));
const some = (most, share) => Array.from({ length: most }, (_, i) => i + 1).filter(() => random(1000) < share * 1000);
const runs = (numbers) => { // 1, 2, 3, 7 -> "1-3 7"
  const out = [];
  for (const n of numbers) out.length && out.at(-1)[1] === n - 1 ? (out.at(-1)[1] = n) : out.push([n, n]);
  return out.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(" ");
};
const write = (name, note, rows) =>
  fs.writeFileSync(name, `{"about": ${JSON.stringify(note)},\n"vectors": [\n${rows.map((r) => JSON.stringify(r)).join(",\n")}\n]}\n`);

const vendors = {};
for (let id = 1; id <= 1200; id++) {
  const all = [2, 7, 8, 9, 10, 11];
  vendors[id] = { id, name: `v${id}`, purposes: [1, 3, 4, 5, 6], legIntPurposes: all, flexiblePurposes: all,
    specialPurposes: [], features: [], specialFeatures: [] };
}
const named = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [i + 1, { id: i + 1, name: "", description: "" }]));
const list = (policy) => new GVL({ gvlSpecificationVersion: 3, vendorListVersion: 63, tcfPolicyVersion: policy,
  lastUpdated: "2026-01-01T00:00:00Z", purposes: named(11), specialPurposes: named(2), features: named(3),
  specialFeatures: named(2), stacks: {}, dataCategories: {}, vendors });

const tcf = [];
for (let round = 0; round < 32; round++) {
  const policy = [2, 4, 4, 5][round % 4];
  const model = new TCModel(list(policy));
  model.cmpId = 1 + random(400);
  model.cmpVersion = 1 + random(60);
  model.consentScreen = random(60);
  model.consentLanguage = ["EN", "DE", "FR"][random(3)];
  model.publisherCountryCode = ["AA", "DE", "PT"][random(3)];
  model.isServiceSpecific = true;
  model.useNonStandardStacks = random(2) === 1;
  model.purposeOneTreatment = random(4) === 0;
  model.policyVersion = policy;
  model.created = model.lastUpdated = new Date(policy < 4 ? Date.UTC(2022, random(12), 1 + random(28)) : Date.UTC(2024, random(24), 1 + random(28)));
  model.purposeConsents.set(some(11, 0.8));
  model.purposeLegitimateInterests.set(some(11, 0.6).filter((p) => p !== 1 && (policy < 4 || p < 3 || p > 6)));
  model.specialFeatureOptins.set(some(2, 0.5));
  const share = [0, 0.004, 0.5, 0.999][random(4)];
  model.vendorConsents.set(some(1200, share));
  model.vendorLegitimateInterests.set(some(1200, [0, 0.01, 0.6][random(3)]));
  for (let i = random(5); i > 0; i--)
    for (const vendor of some(1200, 0.02))
      model.publisherRestrictions.add(vendor, new PurposeRestriction([2, 7, 8, 9, 10][random(5)], random(2) ? RestrictionType.NOT_ALLOWED : RestrictionType.REQUIRE_CONSENT));
  const segments = [Segment.CORE];
  if (policy >= 5 || random(2)) {
    model.vendorsDisclosed.set(some(1200, [0.01, 0.9][random(2)]));
    segments.push(Segment.VENDORS_DISCLOSED);
  }
  if (random(2)) {
    model.publisherConsents.set(some(11, 0.5));
    model.publisherLegitimateInterests.set(some(11, 0.5));
    segments.push(Segment.PUBLISHER_TC);
  }
  const text = TCString.encode(model, { segments });
  const back = TCString.decode(text);
  const restrictions = [];
  for (const r of back.publisherRestrictions.getRestrictions())
    restrictions.push([r.purposeId, r.restrictionType, runs(back.publisherRestrictions.getVendors(r))]);
  tcf.push({
    text, created: Math.round(back.created.getTime() / 100), last_updated: Math.round(back.lastUpdated.getTime() / 100), cmp_id: back.cmpId,
    cmp_version: back.cmpVersion, consent_screen: back.consentScreen, consent_language: back.consentLanguage,
    vendor_list_version: back.vendorListVersion, policy_version: back.policyVersion, is_service_specific: back.isServiceSpecific,
    use_non_standard_texts: back.useNonStandardStacks, purpose_one_treatment: back.purposeOneTreatment,
    publisher_country: back.publisherCountryCode, special_feature_opt_ins: [...back.specialFeatureOptins.values()],
    purpose_consents: [...back.purposeConsents.values()],
    purpose_legitimate_interests: [...back.purposeLegitimateInterests.values()],
    vendor_consents: runs([...back.vendorConsents.values()]), vendor_legitimate_interests: runs([...back.vendorLegitimateInterests.values()]),
    disclosed: segments.includes(Segment.VENDORS_DISCLOSED) ? runs([...back.vendorsDisclosed.values()]) : null, restrictions,
    publisher_purposes: segments.includes(Segment.PUBLISHER_TC)
      ? [[...back.publisherConsents.values()], [...back.publisherLegitimateInterests.values()]] : null,
  });
}
write("consent_tcf.json", "TC Strings written and read back by @iabtcf/core 1.5.6: see make_consent_vectors.mjs", tcf);

const gpp = [];
const us = [...Sections.SECTION_ID_NAME_MAP.entries()].filter(([id]) => id >= 7);
const fieldsOf = (model, name) => {
  const out = {};
  for (const segment of model.sections.get(name).segments) // the library hides it, and nothing else names all fields
    for (const field of segment.getFieldNames()) out[field] = segment.getFieldValue(field);
  return out;
};
const encoded = (model, name) => (model.getSection(name), model.sections.get(name).encode()); // a look at it decodes it
for (let round = 0; round < 6; round++)
  for (const [id, name] of us) {
    const model = new GppModel();
    model.setFieldValue(name, "SaleOptOut", 2);
    if (id === 7) model.setFieldValue(name, "Version", 1 + (round % 2));
    const names = Object.keys(fieldsOf(model, name));
    const hostile = round % 3 === 2 ? 1 : 0; // every third has a few refusals in it
    for (const field of names) {
      if (/Version|Covered|SegmentType|SegmentIncluded/.test(field)) continue;
      const value = fieldsOf(model, name)[field];
      const one = () => (hostile && random(6) === 0 ? 1 : /Notice|Mspa/.test(field) ? random(2) : [0, 2][random(2)]);
      if (field === "Gpc") model.setFieldValue(name, field, hostile === 1 && random(3) === 0);
      else if (/KnownChild/.test(field)) model.setFieldValue(name, field, Array.isArray(value) ? value.map(() => (hostile && random(5) === 0 ? 2 : 0)) : 0);
      else if (field === "MspaServiceProviderMode") model.setFieldValue(name, field, hostile && random(3) === 0 ? 1 : 2);
      else if (/Notice/.test(field)) model.setFieldValue(name, field, hostile && random(8) === 0 ? 2 : random(2));
      else model.setFieldValue(name, field, Array.isArray(value) ? value.map(one) : one());
    }
    for (const field of names)
      if (/(GpcSegmentIncluded|SensitiveDataConsentSegmentIncluded)/.test(field)) model.setFieldValue(name, field, random(2) === 1);
    const text = model.encode();
    const back = new GppModel(text);
    gpp.push({ text, sections: [[id, encoded(back, name)]], id, fields: fieldsOf(back, name) });
  }
for (let round = 0; round < 40; round++) {
  const model = new GppModel();
  for (const [id, name] of us) if (random(4) === 0) model.setFieldValue(name, "SaleOptOut", 1 + random(2));
  if (random(2)) model.setFieldValue("uspv1", "OptOutSale", "N");
  if (random(2)) model.setFieldValue("tcfeuv2", "CmpId", 31);
  if (random(3) === 0) model.setFieldValue("tcfcav1", "CmpId", 31);
  const text = model.encode();
  const back = new GppModel(text);
  gpp.push({ text, sections: back.getSectionIds().map((id) => [id, encoded(back, Sections.SECTION_ID_NAME_MAP.get(id))]) });
}
write("consent_gpp.json", "GPP strings written and read back by @iabgpp/cmpapi 3.2.0: see make_consent_vectors.mjs", gpp);
