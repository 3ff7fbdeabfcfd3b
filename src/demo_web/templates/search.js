// Loads the next batch of results whenever the reader comes near the end of those on the page.
const results = document.getElementById("results");
const sentinel = document.getElementById("sentinel");
let loading = false;

function append(result) {
  const link = document.createElement("a");
  link.className = "result";
  link.href = result.page;
  link.dataset.result = JSON.stringify(result);
  const image = document.createElement("img");
  image.loading = "lazy";
  image.alt = "";
  const title = document.createElement("span");
  title.textContent = result.title;
  link.append(image, title);
  results.append(link);
}

function finish() {
  if (document.getElementById("end")) return;
  const end = document.createElement("p");
  end.id = "end";
  end.textContent = "No more results.";
  sentinel.before(end);
}

async function more() {
  if (loading || !results.dataset.next) return;
  loading = true;
  try {
    const query = new URLSearchParams({ q: results.dataset.query, offset: results.dataset.next });
    const answer = await fetch(`/search/more?${query}`);
    const batch = await answer.json();
    batch.results.forEach(append);
    results.dataset.next = batch.next ?? "";
    if (batch.next === null) finish();
  } finally {
    loading = false;
  }
  // The observer speaks up only when the sentinel comes into view, not while it stays there.
  observer.unobserve(sentinel);
  observer.observe(sentinel);
}

const observer = new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) more();
});
observer.observe(sentinel);
