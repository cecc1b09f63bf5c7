"""HTML reports: one self-contained file each, charts inside as SVG."""
