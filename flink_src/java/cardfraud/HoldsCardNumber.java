package cardfraud;

import org.apache.flink.table.functions.ScalarFunction;

/** The SQL function {@code HOLDS_CARD_NUMBER(member, ...)}: whether any of these members of a JSON object, key": "text", holds a card number. */
public final class HoldsCardNumber extends ScalarFunction {
  private static final int LEAST_DIGITS = 10;

  public boolean eval(String... members) {
    for (String member : members) {
      if (member != null && hasDigits(member) && CardNumbers.isIn(text(member))) {
        return true;
      }
    }
    return false;
  }

  /** A first look: a text with fewer digits, escapes counted as they are written, is none of the detector's. */
  private static boolean hasDigits(String member) {
    int digits = 0;
    for (int i = 0; i < member.length(); i++) {
      char c = member.charAt(i);
      if (c > 127 || (c >= '0' && c <= '9' && ++digits == LEAST_DIGITS)) {
        return true;
      }
    }
    return false;
  }

  /** What the JSON text of a member says. The member keeps the contract's form, so no escape of it is wrong. */
  private static String text(String member) {
    int begin = member.indexOf('"', member.indexOf('"') + 1) + 1;
    String written = member.substring(begin, member.lastIndexOf('"'));
    if (written.indexOf('\\') < 0) {
      return written;
    }
    StringBuilder said = new StringBuilder();
    for (int i = 0; i < written.length(); i++) {
      char c = written.charAt(i);
      if (c == '\\') {
        c = written.charAt(++i);
        int simple = "bfnrt".indexOf(c);
        if (simple >= 0) {
          c = "\b\f\n\r\t".charAt(simple);
        } else if (c == 'u') {
          c = (char) Integer.parseInt(written.substring(i + 1, i + 5), 16);
          i += 4;
        }
      }
      said.append(c);
    }
    return said.toString();
  }
}
