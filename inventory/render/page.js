
"use strict";
// Search: hides the blocks in which not every word of the field occurs. Printing opens what is folded.
const field = document.querySelector("#search");
const told = document.querySelector("#told");
const blocks = [...document.querySelectorAll("details.job")];
const texts = blocks.map((block) => block.textContent.toLowerCase());

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  blocks.forEach((block, at) => {
    block.hidden = !words.every((word) => texts[at].includes(word));
    shown += block.hidden ? 0 : 1;
  });
  told.textContent = words.length ? `${shown} of ${blocks.length} jobs` : `${blocks.length} jobs`;
}

document.querySelector("#tools").hidden = false;
field.addEventListener("input", search);
document.querySelector("#open").addEventListener("click", () => blocks.forEach((block) => (block.open = true)));
document.querySelector("#close").addEventListener("click", () => blocks.forEach((block) => (block.open = false)));
addEventListener("beforeprint", () => blocks.forEach((block) => (block.open = true)));
search();
