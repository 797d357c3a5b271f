// Follows the job that a page waits for: its progress changes in place, and when it is over the page is loaded as it
// then is.

import { announcer } from "./announce.js";
import { fetchPage } from "./page.js";
import { follow } from "./stream.js";
import { percent } from "./wording.js";

const find = (id) => document.getElementById(id);
const place = find("waiting");
const announce = announcer(find("said"));
const title = document.title;

function show(share, message) {
  find("progress").value = share;
  if (!("stopping" in place.dataset)) find("message").textContent = message;
  document.title = `${percent(share)} ${title}`;
  announce(`${percent(share)}. ${message}`);
}

// Another page with other scripts, and all of it new to whoever waited.
const load = () => location.reload();

follow(place.dataset.stream, place.dataset.after, {
  progress: (told) => show(told.progress, told.message || "Waiting for its turn"),
  report: load, // what an analysis does after it, nobody has to wait for
  end: load,
  line: (there) => (find("connection").textContent = there ? "" : "The connection is lost; trying again."),
  async over() {
    const fresh = await fetchPage();
    if (!fresh.getElementById("waiting")) return true;
    show(fresh.getElementById("progress").value, fresh.getElementById("message").textContent);
    return false;
  },
});
