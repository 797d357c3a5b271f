// Opens whatever a wrong field is folded away in: the browser shows it then, and would else do nothing at all.

document.addEventListener("invalid", ({ target }) => {
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}, true); // as it does not bubble
