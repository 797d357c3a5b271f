// Buttons that copy the text of another element: they are hidden where there are no scripts, or no clipboard.

if (navigator.clipboard) document.documentElement.classList.add("copies");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const said = button.parentElement.querySelector("[role=status]");
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    said.textContent = "Copied.";
  } catch {
    said.textContent = "The browser does not allow it: select the text and copy it.";
  }
});
