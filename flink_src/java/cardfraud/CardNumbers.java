package cardfraud;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whether a text holds a card number: {@code fraud/card_numbers.py} said in Java, by the same table. What is taken for one stands there. A test
 * holds each to the other.
 */
public final class CardNumbers {
  private static final int SHORTEST = 12;
  private static final int LONGEST = 19;
  private static final int SIGNIFICANT = 10;
  private static final BigInteger IBAN_MODULUS = BigInteger.valueOf(97);

  private static final Map<String, String> TABLE = table();
  private static final Pattern ISSUERS = Pattern.compile(issuers());
  private static final Pattern ALONE = Pattern.compile(issuers() + "|" + TABLE.get("alone.uatp"));
  private static final Pattern SCIENTIFIC = Pattern.compile(TABLE.get("scientific"));
  private static final Pattern BEHIND = Pattern.compile(TABLE.get("behind"));
  private static final Pattern BEFORE = Pattern.compile(TABLE.get("before"));
  private static final Pattern ACQUIRER_REFERENCE = Pattern.compile(TABLE.get("acquirer-reference"));
  private static final Pattern IDENTIFIER = Pattern.compile(TABLE.get("identifier"));
  private static final Pattern IBAN = Pattern.compile(TABLE.get("iban"));
  private static final Pattern ESCAPE = Pattern.compile(TABLE.get("escape"));
  private static final Pattern TEN_DIGITS = Pattern.compile("[0-9](?:[^0-9A-Za-z]*+[0-9]){9}");
  private static final Pattern RUN = Pattern.compile("[0-9](?:[^0-9A-Za-z]*+[0-9])*+");
  private static final Pattern GROUP = Pattern.compile("[0-9](?:\\x00*+[0-9])*+");
  private static final Set<String> GROUPINGS = Set.of(TABLE.get("groupings").split(" "));
  private static final int GROUPS_LIMIT = GROUPINGS.stream().mapToInt(sizes -> sizes.split("-").length).max().orElseThrow();
  private static final Map<Integer, Character> CHARACTERS = characters();

  private CardNumbers() {}

  /** Whether this text holds one. */
  public static boolean isIn(String text) {
    if (isNormal(text)) {
      return TEN_DIGITS.matcher(text).find() && isInPlain(withoutIdentifiers(text));
    }
    return isInPlain(withoutIdentifiers(normalized(text)));
  }

  /** Whether nothing is said otherwise than it is meant: most texts are so, and to normalize one costs more than to look at it. */
  private static boolean isNormal(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= 128 || c == '\\' || c == '%' || c == '&') {
        return false;
      }
    }
    return true;
  }

  private static String normalized(String text) {
    StringBuilder plain = new StringBuilder();
    text.codePoints().forEach(code -> plain.append(character(code)));
    return ESCAPE.matcher(plain).replaceAll(escape -> Matcher.quoteReplacement(String.valueOf(escaped((Matcher) escape))));
  }

  private static char escaped(Matcher escape) {
    if (escape.group(1) != null) {
      int high = Integer.parseInt(escape.group(1), 16);
      int low = Integer.parseInt(escape.group(2), 16);
      return character(0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF));
    }
    for (int group = 3; group <= 7; group++) {
      if (escape.group(group) != null) {
        long code = Long.parseLong(escape.group(group), group == 6 ? 10 : 16);
        return code > Character.MAX_CODE_POINT ? ' ' : character((int) code);
      }
    }
    return ' ';
  }

  private static char character(int code) {
    return code < 128 ? (char) code : CHARACTERS.getOrDefault(code, ' ');
  }

  private static String withoutIdentifiers(String plain) {
    String left = IDENTIFIER.matcher(plain).replaceAll(match -> "x".repeat(match.group().length()));
    return IBAN.matcher(left).replaceAll(match -> isIban(match.group()) ? "x".repeat(match.group().length()) : match.group());
  }

  private static boolean isInPlain(String plain) {
    Matcher scientific = SCIENTIFIC.matcher(plain);
    while (scientific.find()) {
      if (isScientific(scientific.group(1), scientific.group(2), scientific.group(3))) {
        return true;
      }
    }
    Matcher run = RUN.matcher(plain);
    while (run.find()) {
      if (run.end() - run.start() >= SHORTEST && isInRun(run.group())) {
        return true;
      }
    }
    return false;
  }

  private static boolean isInRun(String run) {
    List<String> groups = new ArrayList<>();
    List<String> between = new ArrayList<>();
    int end = 0;
    Matcher group = GROUP.matcher(run);
    while (group.find()) {
      if (!groups.isEmpty()) {
        between.add(run.substring(end, group.start()).replace(" ", "").replace("\0", ""));
      }
      groups.add(group.group().replace("\0", ""));
      end = group.end();
    }
    for (int i = 0; i < groups.size(); i++) {
      boolean fraction = i > 0 && isPoint(between, i - 1);
      if (groups.get(i).length() >= SHORTEST && !fraction && isNumber(groups.get(i))) {
        return true;
      }
    }
    if (groups.size() == 1) {
      return false;
    }
    return isStretch(groups, between) || isGrouped(groups);
  }

  /** Whether groups that one kind of separator holds together, as many as it does, are a number. */
  private static boolean isStretch(List<String> groups, List<String> between) {
    int first = 0;
    for (int last = 1; last <= between.size(); last++) {
      if (last == between.size() || !between.get(last).equals(between.get(first))) {
        if (!isPoint(between, first) && isNumber(String.join("", groups.subList(first, last + 1)))) {
          return true;
        }
        first = last;
      }
    }
    return false;
  }

  private static boolean isGrouped(List<String> groups) {
    for (int first = 0; first < groups.size(); first++) {
      StringBuilder sizes = new StringBuilder().append(groups.get(first).length());
      StringBuilder digits = new StringBuilder(groups.get(first));
      for (int last = first + 1; last < Math.min(first + GROUPS_LIMIT, groups.size()); last++) {
        sizes.append('-').append(groups.get(last).length());
        digits.append(groups.get(last));
        if (digits.length() > LONGEST) {
          break;
        }
        if (GROUPINGS.contains(sizes.toString()) && isCard(digits.toString(), ISSUERS)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether what stands between two groups is a decimal point: one that has none beside it. */
  private static boolean isPoint(List<String> between, int i) {
    return between.get(i).equals(".")
        && !(i > 0 && between.get(i - 1).equals("."))
        && !(i + 1 < between.size() && between.get(i + 1).equals("."));
  }

  private static boolean isNumber(String given) {
    if (given.length() == 23 && ACQUIRER_REFERENCE.matcher(given).matches() && isWeighted(given, 2)) {
      return false;
    }
    String digits = given.replaceFirst("^0+", "");
    if (isCard(digits, ALONE) || (BEFORE.matcher(digits).lookingAt() && isCard(digits.substring(4), ISSUERS))) {
      return true;
    }
    for (int length = SHORTEST; length <= Math.min(LONGEST, digits.length() - 4); length++) {
      if (BEHIND.matcher(digits.substring(length)).matches() && isCard(digits.substring(0, length), ISSUERS)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isCard(String digits, Pattern issuers) {
    return issuers.matcher(digits).matches() && isWeighted(digits, 2) && !(digits.length() == 13 && isWeighted(digits, 3));
  }

  private static boolean isScientific(String whole, String fraction, String exponent) {
    String after = fraction == null ? "" : fraction;
    String digits = (whole + after).replaceFirst("^0+", "");
    int length = digits.length() - after.length() + Integer.parseInt(exponent);
    if (length < SHORTEST || length > LONGEST || digits.replaceFirst("0+$", "").length() < SIGNIFICANT) {
      return false;
    }
    String number = digits.length() >= length ? digits.substring(0, length) : digits + "0".repeat(length - digits.length());
    return ISSUERS.matcher(number).matches();
  }

  /** Whether the digits, from the last on weighted by 1 and {@code weight} in turn, sum up to tens; of two-digit products of 2, both. */
  private static boolean isWeighted(String digits, int weight) {
    int sum = 0;
    for (int i = 0; i < digits.length(); i++) {
      int digit = digits.charAt(digits.length() - 1 - i) - '0';
      int product = i % 2 == 0 ? digit : digit * weight;
      sum += weight == 2 && product > 9 ? product - 9 : product;
    }
    return sum % 10 == 0;
  }

  private static boolean isIban(String text) {
    String letters = text.replace(" ", "");
    StringBuilder number = new StringBuilder();
    (letters.substring(4) + letters.substring(0, 4)).chars().forEach(letter -> number.append(Character.digit(letter, 36)));
    return new BigInteger(number.toString()).mod(IBAN_MODULUS).equals(BigInteger.ONE);
  }

  private static String issuers() {
    return String.join("|", TABLE.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith("issuer.")).map(Map.Entry::getValue).toList());
  }

  private static Map<Integer, Character> characters() {
    Map<Integer, Character> found = new HashMap<>();
    for (String zero : TABLE.get("zeros").split(" ")) {
      for (int digit = 0; digit <= 9; digit++) {
        found.put(Integer.parseInt(zero, 16) + digit, (char) ('0' + digit));
      }
    }
    for (String one : TABLE.get("ones").split(" ")) {
      for (int digit = 1; digit <= 9; digit++) {
        found.put(Integer.parseInt(one, 16) + digit - 1, (char) ('0' + digit));
      }
    }
    for (String entry : TABLE.get("single").split(" ")) {
      String[] pair = entry.split(":");
      found.put(Integer.parseInt(pair[0], 16), pair[1].charAt(0));
    }
    for (String range : TABLE.get("invisible").split(" ")) {
      String[] ends = range.split("-");
      for (int code = Integer.parseInt(ends[0], 16); code <= Integer.parseInt(ends[1], 16); code++) {
        found.put(code, '\0');
      }
    }
    for (String blot : TABLE.get("blots").split(" ")) {
      found.put(Integer.parseInt(blot, 16), '*');
    }
    return found;
  }

  private static Map<String, String> table() {
    Map<String, String> found = new HashMap<>();
    try (InputStream file = CardNumbers.class.getResourceAsStream("/card_numbers.txt")) {
      for (String line : new String(file.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
        int equals = line.indexOf(" = ");
        if (equals > 0 && !line.startsWith("#")) {
          found.put(line.substring(0, equals), line.substring(equals + 3));
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return found;
  }
}
