/* Search (read before Sphinx's searchtools.js): pages that are read come before the reference of the packages, and a match in a title before one in a text. */
var Scorer = {
  score: ([docname, title, anchor, description, score]) =>
    /^(reference\/|(api|companion|scanners|bibliography)$)/.test(docname) ? score / 100 : score,
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
